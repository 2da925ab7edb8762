from __future__ import annotations

import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.test_util import IsMklEnabled
from tensorflow.python.util._pywrap_utils import IsDataTypeSupportedByOneDNNOnThisCPU

from tests._compat.test_rounding import built
from tfreg._compat import fused_products, packing, prediction
from tfreg._compat.norms import only_forward
from tfreg._compat.rounding import RoundedBatch, round_kernels
from tfreg.adapt import Adapter, BitFit, LoRA
from tfreg.builders import build_tagger
from tfreg.heads import CRF, Bottleneck, Projection

pytestmark = pytest.mark.skipif(
    not (IsMklEnabled() and IsDataTypeSupportedByOneDNNOnThisCPU(tf.bfloat16)),
    reason="oneDNN does not compute in bfloat16 on this processor",
)


@pytest.fixture(autouse=True)
def amx(monkeypatch):
    """Elsewhere the same operations are slower. On AMX kernels this small give the
    same bits, packed or not; those of 3,072 rows do not.
    """
    has = fused_products.has_amx()
    for module in (fused_products, packing):
        monkeypatch.setattr(module, "has_amx", lambda: True)
    return has


def answers(model, texts):
    found = model.predict(texts, verbose=0)
    return np.concatenate([np.ravel(each) for each in found])


def unpacked(model, texts, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(prediction, "packed_prediction", lambda *given: None)
        return answers(model, texts)


def kernel_of(model):
    return model.backbone.transformer_layers[0]._feedforward_output_dense.kernel


def products(graph):
    return [op for op in graph.get_operations() if op.type == "_MklNativeFusedMatMul"]


def compare(found, expected, amx):
    if amx:
        np.testing.assert_array_equal(found, expected)
    else:
        np.testing.assert_allclose(found, expected, rtol=0.05, atol=0.05)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"kind": "roberta"},
        {"build": build_tagger},
        {"build": build_tagger, "head": CRF()},
        {"head": Projection(4, layer_mix=True)},
        {"head": Bottleneck(4)},
        {"adapter": LoRA(2)},
        {"adapter": Adapter(4)},
        {"adapter": BitFit()},
        {"freeze": 1},
        {"mixout": 0.1},
    ],
)
def test_answers_do_not_change(settings, amx, monkeypatch):
    model, texts = built(**settings)
    found = answers(model, texts)
    assert model.packed.function is not None
    compare(found, unpacked(model, texts, monkeypatch), amx)


def test_kernels_are_packed():
    """Those of the blocks, and the pooler's; the head is in float32."""
    model, texts = built()
    answers(model, texts)
    found = products(model.packed.step.graph)
    assert len(found) == 2 * 6 + 1
    assert all(op.get_attr("is_filter_const") for op in found)


def test_new_kernels_are_seen(amx, monkeypatch):
    model, texts = built()
    kernel = kernel_of(model)
    before, value = answers(model, texts), kernel.numpy()
    step = model.packed.step
    for seed in range(2):
        kernel.assign(keras.random.normal(kernel.shape, seed=seed))
        found = answers(model, texts)
        assert np.abs(found - before).max() > 1e-3
        compare(found, unpacked(model, texts, monkeypatch), amx)
    assert model.packed.step is step  # traced once
    kernel.assign(value)
    np.testing.assert_array_equal(answers(model, texts), before)


def test_kernels_of_another_dtype_are_traced_anew():
    model, texts = built()
    found = answers(model, texts)
    dense = model.backbone.transformer_layers[0]._feedforward_output_dense
    dense.dtype_policy = keras.DTypePolicy("float32")
    np.testing.assert_allclose(answers(model, texts), found, rtol=0.05, atol=0.01)


def test_what_another_thread_traces_is_not_packed():
    """It would be for good: another model's function, with other weights later."""
    seen = []

    def trace():
        with only_forward():
            model, texts = built()
            model.make_predict_function()
            ids = {name: np.ones((2, 5), "int32") for name in model.input}
            batch = RoundedBatch(ids, round_kernels(model))
            function = model.predict_function.get_concrete_function([batch])
            seen.extend(products(function.graph))

    with fused_products.packing():
        thread = threading.Thread(target=trace)
        thread.start()
        thread.join()
    assert len(seen) == 2 * 6 + 1
    assert not any(op.get_attr("is_filter_const") for op in seen)


def test_training_beside_a_prediction_has_gradients():
    model, _ = built()
    ids = {name: np.ones((2, 5), "int32") for name in model.input}
    slopes = []

    @tf.function
    def differentiate():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.sin(model(ids, training=False)))
        return tape.gradient(loss, [w.value for w in model.trainable_variables])

    def train():
        slopes.extend(differentiate())

    with only_forward():
        thread = threading.Thread(target=train)
        thread.start()
        thread.join()
    assert np.abs(slopes[-3]).max() > 0 and not any(s is None for s in slopes)


def test_the_same_kernels_are_not_packed_again():
    model, texts = built()
    found = answers(model, texts)
    first = model.packed
    np.testing.assert_array_equal(answers(model, texts), found)
    answers(model, texts[:1])
    assert model.packed is first


def test_other_weights_are_read_in_each_batch(amx, monkeypatch):
    model, texts = built()
    before = answers(model, texts)
    bias = model.backbone.transformer_layers[0]._feedforward_output_dense.bias
    bias.assign(bias + keras.random.normal(bias.shape, seed=0))
    found = answers(model, texts)
    assert np.abs(found - before).max() > 1e-3
    compare(found, unpacked(model, texts, monkeypatch), amx)


def test_compiled_anew_it_is_traced_anew():
    model, texts = built()
    found, first = answers(model, texts), model.packed
    model.compile()
    np.testing.assert_array_equal(answers(model, texts), found)
    assert model.packed.step is not first.step


def test_a_fit_lets_go_of_them():
    model, texts = built()
    before = answers(model, texts)
    model.fit(texts, ["O", "B-X"] * (len(texts) // 2), epochs=1, verbose=0)
    assert model.packed.kernels == [] and model.packed.function is None
    assert np.abs(answers(model, texts) - before).max() > 1e-3


def test_kept_features_are_computed_by_packed_kernels(amx, tmp_path, monkeypatch):
    found = []
    for packs in (True, False):
        keras.utils.set_random_seed(0)
        model, texts = built(freeze="backbone")
        with monkeypatch.context() as patch:
            if not packs:
                patch.setattr(prediction, "packed_prediction", lambda *given: None)
            model.predict(texts, verbose=0, feature_cache=tmp_path / str(packs))
        lower = model.halves.lower.packed
        assert (lower is not None) == packs
        assert not packs or (lower.kernels == [] and lower.function is None)
        found.append([path.read_bytes() for path in (tmp_path / str(packs)).iterdir()])
    assert len(found[0]) == len(found[1]) == 1
    assert not amx or found[0] == found[1]


def test_a_loaded_model_answers_alike(tmp_path):
    model, texts = built()
    found = answers(model, texts)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(answers(loaded, texts), found)


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_other_precisions_are_left_alone(precision):
    model, texts = built(precision=precision)
    answers(model, texts)
    assert model.packed is None


def test_no_amx(monkeypatch):
    for module in (fused_products, packing):
        monkeypatch.setattr(module, "has_amx", lambda: False)
    model, texts = built()
    answers(model, texts)
    assert model.packed is None
