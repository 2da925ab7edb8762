from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfreg.functional.layer_norm import layer_norm


def numpy_layer_norm(x, gamma, beta, epsilon):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon) * gamma + beta


@pytest.fixture
def arrays():
    random = np.random.default_rng(0)
    x = random.normal(3.0, 2.0, (4, 5, 12))
    return x, *random.normal(1.0, 0.5, (2, 12)), random.normal(size=x.shape)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("epsilon", [1e-12, 0.3])
def test_values(arrays, epsilon, training):
    x, gamma, beta, _ = arrays
    found = layer_norm(x.astype("float32"), gamma, beta, epsilon, training)
    expected = numpy_layer_norm(x, gamma, beta, epsilon)
    np.testing.assert_allclose(found, expected, atol=3e-6)


def test_gradients_by_central_differences(arrays):
    x, gamma, beta, upstream = arrays
    inputs = [tf.constant(value, "float32") for value in (x, gamma, beta)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = tf.reduce_sum(layer_norm(*inputs, 1e-3) * tf.cast(upstream, "float32"))
    for place, found in enumerate(tape.gradient(y, inputs)):
        values = [x, gamma, beta]
        expected = np.zeros_like(values[place])
        for index in np.ndindex(expected.shape):
            ends = []
            for step in (1e-5, -1e-5):
                moved = values[place].copy()
                moved[index] += step
                given = [*values[:place], moved, *values[place + 1 :]]
                ends.append((numpy_layer_norm(*given, 1e-3) * upstream).sum())
            expected[index] = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_computed_in_float32(arrays):
    x, gamma, beta, _ = arrays
    low = keras.ops.cast(x, "bfloat16")
    found = layer_norm(low, gamma, beta, 1e-12)
    expected = layer_norm(keras.ops.cast(low, "float32"), gamma, beta, 1e-12)
    assert found.dtype == low.dtype
    np.testing.assert_array_equal(
        keras.ops.cast(found, "float32"),
        keras.ops.cast(keras.ops.cast(expected, "bfloat16"), "float32"),
    )


def test_a_constant_row_is_beta():
    y = layer_norm(np.full((2, 8), 7.0, "float32"), np.ones(8), np.arange(8.0), 1e-12)
    np.testing.assert_allclose(y, np.tile(np.arange(8.0), (2, 1)), atol=1e-5)
