from __future__ import annotations

import keras
import numpy as np
import pytest

from tfreg import _compat
from tfreg._checks import InputError
from tfreg.functional.gelu import gelu
from tfreg.layers import Dense, EinsumDense
from tfreg.layers.lora import LoRADense, LoRAEinsumDense, LowRank

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(2, 5, 8)).astype("float32")
CLASSES = {Dense: LoRADense, EinsumDense: LoRAEinsumDense}


def given(layer, rank=3, alpha=6.0):
    """A built layer made one with LoRA, its factors filled."""
    axes = 2 if getattr(layer, "equation", "").startswith("abcd") else 1
    kernel = layer.kernel
    inputs = int(np.prod(kernel.shape[:axes]))
    lora = LowRank(int(np.prod(kernel.shape[axes:])), rank, alpha, name="lora")
    _compat.attach(layer, "lora", lora, CLASSES[type(layer)])
    lora.build((None, inputs))
    return layer


def filled(layer):
    for factor in (layer.lora.a, layer.lora.b):
        factor.assign(RANDOM.normal(size=factor.shape))
    return layer


def built(layer, *shape):
    layer.build(shape or X.shape)
    for variable in layer.weights:
        variable.assign(RANDOM.normal(size=variable.shape))
    return layer


def layers():
    yield built(Dense(6)), X
    yield built(Dense(6, activation=gelu)), X
    yield built(Dense(6, activation="relu", use_bias=False)), X
    yield built(EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de")), X
    heads = X.reshape(2, 5, 4, 2)
    output = EinsumDense("abcd,cde->abe", (None, 6), bias_axes="e")
    yield built(output, *heads.shape), heads


@pytest.mark.parametrize("number", range(5))
def test_the_kernel_and_its_update(number):
    """activation(x·(W + α/r·A·B) + b), in NumPy, in float64."""
    layer, x = list(layers())[number]
    lean = type(layer)
    plain = np.array(layer(x))
    given(layer)
    assert type(layer) is CLASSES[lean]
    np.testing.assert_array_equal(layer(x), plain)  # B is zero
    filled(layer)
    kernel = np.array(layer.kernel, "float64")
    a, b = np.array(layer.lora.a, "float64"), np.array(layer.lora.b, "float64")
    kernel += (6.0 / 3 * a @ b).reshape(kernel.shape)
    axes = x.ndim - 2
    expected = np.tensordot(x.astype("float64"), kernel, axes=axes)
    if layer.bias is not None:
        expected = expected + np.array(layer.bias, "float64")
    if layer.activation is gelu:
        from scipy.stats import norm

        expected = expected * norm.cdf(expected)
    elif number == 2:
        expected = np.maximum(expected, 0)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(layer.lora.update(), 2.0 * a @ b, rtol=1e-5)


def test_paths_and_weights():
    layer = given(built(Dense(6, name="query")))
    assert [w.path for w in layer.weights] == [
        *("query/kernel", "query/bias", "query/lora/a", "query/lora/b"),
    ]
    _compat.detach(layer, "lora", Dense)
    assert [w.path for w in layer.weights] == ["query/kernel", "query/bias"]
    assert type(layer) is Dense and not hasattr(layer, "lora")


def test_the_start():
    lora = LowRank(300, rank=200, alpha=1)
    lora.build((None, 400))
    a = np.array(lora.a)
    assert a.std() == pytest.approx((3 * 400) ** -0.5, rel=0.02)
    assert abs(a.mean()) < 0.001 and np.abs(a).max() > 3.5 * a.std()  # not cut
    assert not np.array(lora.b).any()


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_factors_are_float32_whatever_is_computed_in(policy):
    layer = Dense(6, activation=gelu, dtype=policy)
    layer.build(X.shape)
    lora = LowRank(6, 2, 4, name="lora", dtype=policy)
    _compat.attach(layer, "lora", lora, LoRADense)
    lora.build((None, 8))
    assert {w.dtype for w in lora.weights} == {"float32"}
    assert layer(X).dtype == policy.removeprefix("mixed_")


def test_saved_by_itself(tmp_path):
    inputs = keras.Input((5, 8))
    model = keras.Model(inputs, LowRank(3, 2, 4.0)(inputs))
    model.layers[1].b.assign(RANDOM.normal(size=(2, 3)))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again.layers[1]) is LowRank and again.layers[1].scale == 2.0
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


@pytest.mark.parametrize(
    "arguments", [(0, 1, 1.0), (4, 0, 1.0), (4, 1.5, 1.0), (4, 1, 0.0), (4, 1, "x")]
)
def test_what_is_impossible(arguments):
    with pytest.raises(InputError):
        LowRank(*arguments)
