from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfreg._checks import InputError
from tfreg.regularizers import L2SP


@pytest.fixture
def arrays():
    random = np.random.default_rng(0)
    return random.normal(size=(2, 5, 3)).astype("float32")


def test_value(arrays):
    weight, start = arrays
    expected = 0.3 * ((weight.astype("float64") - start) ** 2).sum()
    assert float(L2SP(0.3).anchored(start)(weight)) == pytest.approx(expected)


def test_zero_at_the_start_and_the_same_on_both_sides(arrays):
    weight, start = arrays
    penalty = L2SP(2.0).anchored(start)
    assert float(penalty(start)) == 0.0
    other_side = 2 * start - weight
    assert float(penalty(other_side)) == pytest.approx(float(penalty(weight)))


def test_gradient(arrays):
    weight, start = arrays
    variable = keras.Variable(weight)
    with tf.GradientTape() as tape:
        value = L2SP(0.3).anchored(keras.Variable(start, trainable=False))(variable)
    gradient = tape.gradient(value, variable.value)
    np.testing.assert_allclose(gradient, 2 * 0.3 * (weight - start), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_summed_in_float32(dtype):
    # In float16 300² is infinite, and a sum of 4,096 ones in bfloat16 is 256.
    far = keras.ops.full((4,), 300.0, dtype=dtype)
    value = L2SP(1.0).anchored(keras.ops.zeros((4,)))(far)
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    assert float(value) == 4 * 300.0**2
    many = keras.ops.ones((4096,), dtype=dtype)
    assert float(L2SP(1.0).anchored(keras.ops.zeros((4096,)))(many)) == 4096.0


def test_the_anchor_is_read_live():
    anchor = keras.Variable(np.zeros(2, "float32"), trainable=False)
    penalty = L2SP(1.0).anchored(anchor)
    assert float(penalty(np.ones(2, "float32"))) == 2.0
    anchor.assign([1.0, 0.0])
    assert float(penalty(np.ones(2, "float32"))) == 1.0


def test_binding_makes_another_penalty():
    free = L2SP(0.5)
    bound = free.anchored(np.zeros(1, "float32"))
    assert bound.alpha == 0.5 and bound is not free
    with pytest.raises(InputError) as error:
        free(np.zeros(1, "float32"))
    assert str(error.value) == (
        "L2SP has no anchor: it acts on pretrained weights; give it to "
        "`backbone_regularizer`, not to a layer"
    )


def test_on_a_layer_it_is_an_error():
    layer = keras.layers.Dense(2, kernel_regularizer=L2SP(0.1))
    layer.build((None, 3))
    with pytest.raises(InputError, match="`backbone_regularizer`, not to a layer"):
        layer.losses


@pytest.mark.parametrize("alpha", [0, -0.1, float("nan"), float("inf"), "0.1", None])
def test_strengths_that_cannot_be(alpha):
    with pytest.raises(InputError, match=r"^`alpha` must be a number in \(0, inf\]"):
        L2SP(alpha)


def test_round_trip():
    assert L2SP().get_config() == {"alpha": 0.01}
    stored = keras.regularizers.serialize(L2SP(0.25))
    assert stored["registered_name"] == "tfreg>L2SP"
    again = keras.regularizers.deserialize(stored)
    assert type(again) is L2SP and again.alpha == 0.25
    short = {"class_name": "tfreg>L2SP", "config": {"alpha": 0.5}}
    assert keras.regularizers.get(short).alpha == 0.5
