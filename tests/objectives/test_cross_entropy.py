from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, log_softmax

from tfreg._checks import InputError
from tfreg.metrics.accuracy import CrossEntropy as Score
from tfreg.objectives import BinaryCrossEntropy, CrossEntropy


@pytest.fixture
def random():
    return np.random.default_rng(0)


def softmax_oracle(ids, logits, smoothing=0.0, weight=None):
    """Position by position, in float64."""
    ids, logits = np.asarray(ids), np.asarray(logits, "float64")
    weight = np.ones(ids.shape) if weight is None else weight
    total, real = 0.0, 0
    for place in np.ndindex(ids.shape):
        if ids[place] < 0:
            continue
        logs = log_softmax(logits[place])
        classes = logs.size
        target = np.full(classes, smoothing / classes)
        target[ids[place]] += 1 - smoothing
        total -= weight[place] * (target * logs).sum()
        real += 1
    return total / real


@pytest.mark.parametrize("shape", [(7,), (3, 5)])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_against_scipy(random, shape, smoothing):
    ids = random.integers(-1, 4, shape)
    logits = 3 * random.normal(size=(*shape, 4))
    weight = random.random(shape).astype("float32")
    loss = CrossEntropy(smoothing)
    expected = softmax_oracle(ids, logits, smoothing)
    assert float(loss(ids, logits)) == pytest.approx(expected, rel=1e-5)
    expected = softmax_oracle(ids, logits, smoothing, weight)
    assert float(loss(ids, logits, weight)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
def test_smoothing_is_keras_s(random, smoothing):
    ids = random.integers(0, 5, 20)
    logits = random.normal(size=(20, 5)).astype("float32")
    theirs = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=smoothing
    )
    expected = float(theirs(np.eye(5)[ids], logits))
    assert float(CrossEntropy(smoothing)(ids, logits)) == pytest.approx(expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_padding_changes_nothing(random, smoothing):
    ids = random.integers(0, 3, (2, 4))
    logits = random.normal(size=(2, 4, 3)).astype("float32")
    loss = CrossEntropy(smoothing)
    padded_ids = np.full((2, 9), -1)
    padded_ids[:, :4] = ids
    padded = 50 * random.normal(size=(2, 9, 3)).astype("float32")
    padded[:, :4] = logits
    assert float(loss(padded_ids, padded)) == pytest.approx(float(loss(ids, logits)))


def test_padding_gets_no_gradient(random):
    ids = np.array([[1, -1], [-1, 0]])
    logits = tf.Variable(random.normal(size=(2, 2, 3)), dtype=tf.float32)
    with tf.GradientTape() as tape:
        value = CrossEntropy(0.1)(ids, logits)
    gradient = tape.gradient(value, logits).numpy()
    assert not gradient[ids < 0].any()
    probabilities = np.exp(log_softmax(logits.numpy()[0, 0]))
    target = 0.9 * np.eye(3)[1] + 0.1 / 3
    np.testing.assert_allclose(gradient[0, 0], (probabilities - target) / 2, atol=1e-6)


def test_gradient_by_differences(random):
    ids = random.integers(-1, 3, 4)
    logits = random.normal(size=(4, 3))
    variable = tf.Variable(logits, dtype=tf.float32)
    with tf.GradientTape() as tape:
        value = CrossEntropy(0.2)(ids, variable)
    found = tape.gradient(value, variable).numpy()
    for place in np.ndindex(4, 3):
        step = np.zeros((4, 3))
        step[place] = 1e-4
        up = softmax_oracle(ids, logits + step, 0.2)
        down = softmax_oracle(ids, logits - step, 0.2)
        assert found[place] == pytest.approx((up - down) / 2e-4, abs=1e-5)


def test_a_column_of_ids(random):
    logits = random.normal(size=(4, 3))
    ids = np.array([0, 2, 1, 1])
    expected = softmax_oracle(ids, logits)
    assert float(CrossEntropy()(ids[:, None], logits)) == pytest.approx(expected)
    assert float(CrossEntropy()(ids.astype("float32"), logits)) == pytest.approx(
        expected
    )


def test_an_id_that_no_label_has_is_not_passed_over():
    assert np.isnan(float(CrossEntropy()([0, 3], np.zeros((2, 3)))))
    assert np.isnan(float(CrossEntropy(0.1)([0, 3], np.zeros((2, 3)))))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_logits(dtype):
    # Exact in both types; exp(90) is not, nor is a float16 softmax of it.
    logits = np.array([[90.0, 0.0], [0.0, 90.0], [1.0, -1.0]])
    ids = [0, 0, 0]
    found = CrossEntropy()(ids, keras.ops.cast(logits, dtype))
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    assert float(found) == pytest.approx(softmax_oracle(ids, logits))
    marks = np.array([[1.0, 0.0]] * 3)
    found = BinaryCrossEntropy()(marks, keras.ops.cast(logits, dtype))
    assert float(found) == pytest.approx(sigmoid_oracle(marks, logits))


def sigmoid_oracle(marks, logits, smoothing=0.0, weight=None):
    marks = np.asarray(marks) * (1 - smoothing) + smoothing / 2
    p = expit(np.asarray(logits, "float64"))
    values = -(marks * np.log(p) + (1 - marks) * np.log(expit(-np.asarray(logits))))
    values = values.mean(axis=1)
    return (values if weight is None else values * weight).mean()


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_multi_label(random, smoothing):
    marks = random.integers(0, 2, (6, 4))
    logits = 3 * random.normal(size=(6, 4))
    loss = BinaryCrossEntropy(smoothing)
    found = float(loss(marks, logits))
    assert found == pytest.approx(sigmoid_oracle(marks, logits, smoothing), rel=1e-5)
    theirs = keras.losses.BinaryCrossentropy(
        from_logits=True, label_smoothing=smoothing
    )
    expected = float(theirs(marks.astype("float32"), logits.astype("float32")))
    assert found == pytest.approx(expected, rel=1e-5)
    weight = random.random(6).astype("float32")
    expected = sigmoid_oracle(marks, logits, smoothing, weight)
    assert float(loss(marks, logits, weight)) == pytest.approx(expected, rel=1e-5)


def test_multi_label_far_from_zero():
    found = float(BinaryCrossEntropy()([[1.0, 0.0]], [[-500.0, 500.0]]))
    assert found == pytest.approx(500.0)


def test_one_mark_a_text_is_not_spread_over_all():
    marks, logits = np.array([0, 1, 1]), np.array([[1.0], [2.0], [-1.0]])
    expected = sigmoid_oracle(marks[:, None], logits)
    assert float(BinaryCrossEntropy()(marks, logits)) == pytest.approx(expected)
    with pytest.raises(Exception):
        BinaryCrossEntropy()(np.ones(2), np.zeros((2, 2)))


@pytest.mark.parametrize("kind", [CrossEntropy, BinaryCrossEntropy])
def test_round_trip(kind):
    loss = kind(0.3, name="mine")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(again) is kind
    assert (again.label_smoothing, again.name) == (0.3, "mine")
    for smoothing in (-0.1, 1.0, "0.1"):
        with pytest.raises(InputError, match=r"`label_smoothing` must be .*\[0, 1\)"):
            kind(smoothing)


def test_the_score_of_the_same_name_is_another_class():
    names = [keras.saving.get_registered_name(each) for each in (CrossEntropy, Score)]
    assert len(set(names)) == 2
    for name, each in zip(names, (CrossEntropy, Score)):
        assert keras.saving.get_registered_object(name) is each
    metric = keras.metrics.deserialize(keras.metrics.serialize(Score()))
    assert type(metric) is Score


def test_saved_in_a_compiled_model(tmp_path, random):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile("sgd", CrossEntropy(0.1), metrics=[Score()])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again.loss) is CrossEntropy and again.loss.label_smoothing == 0.1
    x, y = random.normal(size=(5, 4)), random.integers(0, 3, 5)
    expected = softmax_oracle(y, model(x), 0.1)
    logs = again.evaluate(x, y, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(expected, rel=1e-5)
    assert logs["cross_entropy"] == pytest.approx(softmax_oracle(y, model(x)), rel=1e-5)
