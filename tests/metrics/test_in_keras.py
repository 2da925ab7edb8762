"""Every metric inside Keras: eager, graph, XLA, half precision, saved, reset."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.metrics.measuring import Echo, ZeroLoss, cut, fitted, total
from tfreg import metrics

TAGS = ["O", "B-A", "I-A"]
RNG = np.random.default_rng(0)
WORDS = RNG.integers(-1, 3, (10, 6)), RNG.normal(size=(10, 6, 3)).astype("float32")
TEXTS = RNG.integers(0, 3, 10), RNG.normal(size=(10, 3)).astype("float32")
MULTI = RNG.integers(0, 2, (10, 3)), RNG.normal(size=(10, 3)).astype("float32")
SCORES = RNG.normal(size=10), RNG.normal(size=(10, 1)).astype("float32")
CASES = {
    "accuracy": (lambda: metrics.MaskedAccuracy(), TEXTS),
    "accuracy of words": (lambda: metrics.MaskedAccuracy(), WORDS),
    "accuracy, multi-label": (lambda: metrics.MaskedAccuracy(), MULTI),
    "cross-entropy": (lambda: metrics.CrossEntropy(), TEXTS),
    "cross-entropy of words": (lambda: metrics.CrossEntropy(), WORDS),
    "cross-entropy, multi-label": (lambda: metrics.CrossEntropy(), MULTI),
    "macro f1": (lambda: metrics.MacroF1(3), WORDS),
    "macro f1, multi-label": (lambda: metrics.MacroF1(3, multi_label=True), MULTI),
    "weighted f1": (lambda: metrics.WeightedF1(3), TEXTS),
    "weighted f1, multi-label": (lambda: metrics.WeightedF1(3, True), MULTI),
    "mcc": (lambda: metrics.MatthewsCorrelation(3), TEXTS),
    "mcc, multi-label": (lambda: metrics.MatthewsCorrelation(3, True), MULTI),
    "pearson": (lambda: metrics.Pearson(), SCORES),
    "strict": (lambda: metrics.SpanF1(TAGS), WORDS),
    "lenient": (lambda: metrics.SpanF1(TAGS, "lenient"), WORDS),
}
each = pytest.mark.parametrize("make, data", CASES.values(), ids=CASES)


@each
@pytest.mark.parametrize(
    "how",
    [{"run_eagerly": True}, {"jit_compile": False}, {"jit_compile": True}],
    ids=["eager", "graph", "xla"],
)
def test_eager_graph_and_xla_agree(make, data, how):
    y, x = data
    weight = np.linspace(0.5, 2, 10).astype("float32")
    want = total(make(), cut([4, 4, 2], y, x, weight))
    got = fitted(make(), x, y, batch_size=4, sample_weight=weight, **how)
    assert got == pytest.approx(want, abs=1e-6)


@each
def test_lengths_and_batches_unknown_while_tracing(make, data):
    import tensorflow as tf

    y, x = (tf.convert_to_tensor(a) for a in data)
    metric = make()
    y_shape = [None, 3] if data is MULTI else [None] * len(y.shape)
    x_shape = [None] * (len(x.shape) - 1) + [x.shape[-1]]
    specs = tf.TensorSpec(y_shape, y.dtype), tf.TensorSpec(x_shape, x.dtype)
    tf.function(metric.update_state, input_signature=specs)(y, x)
    assert float(metric.result()) == pytest.approx(total(make(), [data]), abs=1e-6)


@each
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_logits(make, data, dtype):
    y, x = data
    half = keras.ops.cast(x, dtype)
    exact = keras.ops.convert_to_numpy(keras.ops.cast(half, "float32"))
    assert total(make(), [(y, half)]) == pytest.approx(total(make(), [(y, exact)]))


@each
def test_reset(make, data):
    metric = make()
    first = total(metric, [data])
    metric.reset_state()
    assert float(metric.result()) == 0
    assert total(metric, [data]) == first
    assert all(v.dtype in ("float32", "float64") for v in metric.variables)


@each
def test_config_round_trip(make, data):
    metric = make()
    copy = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert type(copy) is type(metric) and copy.get_config() == metric.get_config()
    assert total(copy, [data]) == total(metric, [data])


def test_saved_with_a_model(tmp_path):
    """Through the registry: `load_model` is given no classes of tfreg's."""
    y, x = WORDS
    inputs = keras.Input((6, 3))
    model = keras.Model(inputs, keras.layers.Dense(3)(inputs))
    of_words = [make() for make, data in CASES.values() if data is WORDS]
    model.compile("sgd", ZeroLoss(), weighted_metrics=of_words)
    want = model.evaluate(x, y, verbose=0, return_dict=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(
        tmp_path / "model.keras", custom_objects={"ZeroLoss": ZeroLoss}
    )
    assert loaded.evaluate(x, y, verbose=0, return_dict=True) == want
    assert set(want) == {"loss"} | {metric.name for metric in of_words}


def test_class_weight_reaches_them():
    y, x = TEXTS
    model = Echo()
    model.compile("sgd", ZeroLoss(), weighted_metrics=[metrics.CrossEntropy()])
    class_weight = {0: 1.0, 1: 2.0, 2: 0.0}
    history = model.fit(x, y, class_weight=class_weight, batch_size=5, verbose=0)
    weight = np.array([class_weight[i] for i in y])
    want = total(metrics.CrossEntropy(), [(y, x, weight)])
    assert history.history["cross_entropy"][0] == pytest.approx(want, abs=1e-6)
