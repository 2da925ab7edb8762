from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.test_util import IsMklEnabled
from tensorflow.python.util._pywrap_utils import IsDataTypeSupportedByOneDNNOnThisCPU

from tfreg._compat import fused_products
from tfreg._compat.fused_products import fused_product, fuses_products, packing
from tfreg._compat.norms import only_forward

pytestmark = pytest.mark.skipif(
    not (IsMklEnabled() and IsDataTypeSupportedByOneDNNOnThisCPU(tf.bfloat16)),
    reason="oneDNN does not compute in bfloat16 on this processor",
)

RANDOM = np.random.default_rng(0)
ROWS, KERNEL, BIAS = (
    tf.constant(RANDOM.normal(size=size), tf.bfloat16)
    for size in ((70, 32), (32, 48), (48,))
)
NUMPY = {
    "": lambda x: x,
    "Relu": lambda x: np.maximum(x, 0),
    "Tanh": np.tanh,
    "GeluExact": np.vectorize(lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2),
    "GeluApproximate": lambda x: (
        x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2
    ),
}


def specs(*tensors):
    return [tf.TensorSpec([None, *x.shape[1:]], x.dtype) for x in tensors]


def wide(x):
    return np.asarray(tf.cast(x, tf.float64))


@pytest.mark.parametrize("activation", NUMPY)
def test_numpy_s_numbers(activation):
    found = tf.function(lambda *given: fused_product(*given, activation))(
        ROWS, KERNEL, BIAS
    )
    expected = NUMPY[activation](wide(ROWS) @ wide(KERNEL) + wide(BIAS))
    np.testing.assert_allclose(wide(found), expected, rtol=2**-8, atol=2**-8)


@pytest.mark.parametrize("activation", NUMPY)
def test_a_packed_kernel_gives_the_same(activation):
    def product(*given):
        return fused_product(*given, activation)

    with packing():
        packed = tf.function(product).get_concrete_function(*specs(ROWS, KERNEL, BIAS))
    plain = tf.function(product)
    for count in (70, 1, 7, 70):  # it was packed for many rows
        rows = ROWS[:count]
        expected = plain(rows, KERNEL, BIAS)
        np.testing.assert_allclose(
            wide(packed(rows, KERNEL, BIAS)), wide(expected), rtol=2**-7, atol=2**-7
        )


def test_a_packed_kernel_is_not_looked_at_again():
    """What new kernels need a new graph for."""
    with packing():
        product = tf.function(fused_product).get_concrete_function(
            *specs(ROWS, KERNEL, BIAS)
        )
    found = wide(product(ROWS, KERNEL, BIAS))
    np.testing.assert_array_equal(wide(product(ROWS, KERNEL * 2, BIAS)), found)
    assert np.abs(wide(product(ROWS, KERNEL, BIAS * 2)) - found).max() > 0.1


def test_it_has_no_gradient_and_says_so():
    @tf.function(autograph=False)
    def slope(rows):
        with tf.GradientTape() as tape:
            tape.watch(rows)
            total = tf.reduce_sum(fused_product(rows, KERNEL, BIAS))
        return tape.gradient(total, rows)

    with pytest.raises(LookupError, match="_MklNativeFusedMatMul"):
        slope(ROWS)


@pytest.mark.parametrize("by", ["a variable", "a sum"])
def test_a_kernel_that_may_change_is_not_packed(by):
    variable = tf.Variable(KERNEL)

    @tf.function
    def product(rows, kernel):
        kernel = variable if by == "a variable" else tf.add(kernel, kernel)
        return fused_product(rows, kernel, BIAS)

    with packing():
        product = product.get_concrete_function(*specs(ROWS, KERNEL))
    found = wide(product(ROWS, KERNEL))
    variable.assign(variable * 2)
    assert np.abs(wide(product(ROWS, KERNEL * 2)) - found).max() > 0.1


@pytest.mark.parametrize(
    ("dtype", "amx", "expected"),
    [("bfloat16", True, True), ("bfloat16", False, False), ("float32", True, False)],
)
def test_where_it_is_used(dtype, amx, expected, monkeypatch):
    monkeypatch.setattr(fused_products, "has_amx", lambda: amx)
    asked = []

    def ask(x):
        asked.append(fuses_products(x))
        return x

    x = tf.cast(ROWS, dtype)
    ask(x)
    tf.function(ask)(x)
    with only_forward():
        ask(x)  # eagerly
        tf.function(ask, jit_compile=True)(x)
        tf.function(ask)(x)
    assert asked == [False, False, False, False, expected]
