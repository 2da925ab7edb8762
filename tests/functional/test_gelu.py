from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from tfreg.functional.gelu import gelu, gelu_new

X = np.linspace(-12, 12, 4001)


def exact(x):
    return x * special.ndtr(x)


def by_tanh(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


CASES = [(gelu, exact), (gelu_new, by_tanh)]


@pytest.mark.parametrize(("ours", "oracle"), CASES)
def test_values(ours, oracle):
    found = keras.ops.convert_to_numpy(ours(X.astype("float32")))
    np.testing.assert_allclose(found, oracle(X), atol=2e-6)


@pytest.mark.parametrize(("ours", "oracle"), CASES)
@pytest.mark.parametrize("rank", [1, 3])
def test_gradient_by_central_differences(ours, oracle, rank):
    x = X.reshape((1,) * (rank - 1) + (-1,))
    upstream = np.cos(x)
    with tf.GradientTape() as tape:
        values = tf.constant(x, "float32")
        tape.watch(values)
        y = ours(values)
    found = tape.gradient(y, values, output_gradients=tf.constant(upstream, "float32"))
    slope = (oracle(x + 1e-5) - oracle(x - 1e-5)) / 2e-5
    np.testing.assert_allclose(found.numpy(), upstream * slope, atol=5e-6)


@pytest.mark.parametrize("ours", [gelu, gelu_new])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_computed_in_float32(ours, dtype):
    x = keras.ops.cast(X, dtype)
    expected = keras.ops.cast(ours(keras.ops.cast(x, "float32")), dtype)
    found = ours(x)
    assert found.dtype == x.dtype
    np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (found, expected)))


@pytest.mark.parametrize("ours", [gelu, gelu_new])
def test_second_derivative(ours):
    """Objectives that move the embeddings differentiate a gradient."""
    x = tf.constant([-1.0, 0.3, 2.0])
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = ours(x)
        slope = inner.gradient(y, x)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        near = [ours(x + step) for step in (1e-2, 0.0, -1e-2)]
    bend = (near[0] - 2 * near[1] + near[2]) / 1e-4
    np.testing.assert_allclose(outer.gradient(slope, x), bend, atol=2e-2)


@pytest.mark.parametrize("jit", [False, True])
def test_in_a_graph_of_any_shape(jit):
    graph = tf.function(
        gelu, jit_compile=jit, input_signature=[tf.TensorSpec([None, None])]
    )
    for shape in ((2, 3), (5, 1)):
        x = np.random.default_rng(0).normal(size=shape).astype("float32")
        np.testing.assert_allclose(graph(x), exact(x.astype("float64")), atol=1e-6)


@pytest.mark.parametrize(("ours", "oracle"), CASES)
def test_a_bias_and_its_gradient(ours, oracle):
    x, bias = X[:4000].reshape(2, 500, 4), np.array([-1.0, 0.0, 0.5, 2.0])
    upstream = np.cos(x)
    given = [tf.constant(value, "float32") for value in (x, bias)]
    with tf.GradientTape() as tape:
        tape.watch(given)
        y = ours(*given)
    np.testing.assert_allclose(y, oracle(x + bias), atol=2e-6)
    found = tape.gradient(y, given, output_gradients=tf.constant(upstream, "float32"))
    slope = (oracle(x + bias + 1e-5) - oracle(x + bias - 1e-5)) / 2e-5 * upstream
    np.testing.assert_allclose(found[0], slope, atol=5e-6)
    np.testing.assert_allclose(found[1], slope.sum((0, 1)), atol=2e-4)
