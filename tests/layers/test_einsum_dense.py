from __future__ import annotations

import keras
import numpy as np
import pytest

from tfreg.layers import EinsumDense
from tfreg.layers.einsum_dense import contracted

EQUATIONS = {
    "abc,cde->abde": ((None, 2, 3), "de", 1),
    "abcd,cde->abe": ((None, 3), "e", 2),
    "ab,bc->ac": ((3,), "c", 1),
    "abcd,cde->aeb": ((3, None), None, None),  # not the last axes: stays an einsum
    "abc,cde->abed": ((None, 3, 2), None, None),
}


@pytest.mark.parametrize("equation", EQUATIONS)
def test_axes_that_meet(equation):
    assert contracted(equation) == EQUATIONS[equation][2]


@pytest.mark.parametrize("equation", EQUATIONS)
@pytest.mark.parametrize("activation", [None, "relu"])
def test_keras_s_numbers(equation, activation):
    shape = (2, 4, 5, 6)[: len(equation.partition(",")[0])]
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    outputs, axes, _ = EQUATIONS[equation]
    settings = {"output_shape": outputs, "bias_axes": axes, "activation": activation}
    ours = EinsumDense(equation, **settings)
    theirs = keras.layers.EinsumDense(equation, **settings)
    theirs.build(shape)
    ours.build(shape)
    for mine, other in zip(ours.weights, theirs.weights):
        other.assign(keras.random.normal(other.shape, seed=1))
        mine.assign(other)
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5, atol=1e-5)


def test_bias_over_some_axes_and_lora(tmp_path):
    x = np.random.default_rng(0).normal(size=(2, 4, 5)).astype("float32")
    for axes in ("d", "e", "de"):
        ours = EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes=axes)
        ours.build(x.shape)
        ours.bias.assign(keras.random.normal(ours.bias.shape, seed=1))
        ours.enable_lora(1)
        ours.lora_kernel_b.assign(keras.random.normal(ours.lora_kernel_b.shape, seed=2))
        kernel, bias = (np.asarray(ours.kernel), np.asarray(ours.bias))
        expected = np.einsum("abc,cde->abde", x, kernel) + bias
        np.testing.assert_allclose(ours(x), expected, rtol=1e-4, atol=1e-5)


def test_saved(tmp_path):
    inputs = keras.Input((4, 6))
    layer = EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de")
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(0).normal(size=(2, 4, 6)).astype("float32")
    assert type(again.layers[1]) is EinsumDense
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
