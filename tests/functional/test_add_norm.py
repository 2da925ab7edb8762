from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.functional.test_layer_norm import numpy_layer_norm
from tfreg.functional.add_norm import add_norm
from tfreg.functional.dropout import dropout

KEY = (3, 8)


@pytest.fixture
def arrays():
    random = np.random.default_rng(0)
    x, residual = random.normal(1.0, 2.0, (2, 4, 5, 12))
    return x, residual, *random.normal(1.0, 0.5, (2, 12)), random.normal(size=x.shape)


def mask_of(shape, rate):
    """What dropout multiplies by, seen from outside."""
    return dropout(keras.ops.ones(shape), rate, KEY).numpy() if rate else np.ones(shape)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_values(arrays, rate, training):
    x, residual, gamma, beta, _ = arrays
    low = [value.astype("float32") for value in (x, residual)]
    found = add_norm(*low, gamma, beta, 0.1, rate, KEY, training)
    z = residual + x * mask_of(x.shape, rate if training else 0.0)
    np.testing.assert_allclose(found, numpy_layer_norm(z, gamma, beta, 0.1), atol=5e-6)


@pytest.mark.parametrize(("rate", "training"), [(0.0, True), (0.4, True), (0.0, False)])
def test_gradients_by_central_differences(arrays, rate, training):
    *given, upstream = arrays
    inputs = [tf.constant(value, "float32") for value in given]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = add_norm(*inputs, 1e-3, rate, KEY, training)
        total = tf.reduce_sum(y * tf.cast(upstream, "float32"))
    mask = mask_of(given[0].shape, rate)

    def value(x, residual, gamma, beta):
        z = residual + x * mask
        return (numpy_layer_norm(z, gamma, beta, 1e-3) * upstream).sum()

    for place, found in enumerate(tape.gradient(total, inputs)):
        expected = np.zeros_like(given[place])
        for index in np.ndindex(expected.shape):
            ends = []
            for step in (1e-5, -1e-5):
                moved = given[place].copy()
                moved[index] += step
                ends.append(value(*given[:place], moved, *given[place + 1 :]))
            expected[index] = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_with_and_without_dropout_in_turn(arrays):
    """Training and evaluation share the functions that are compiled."""
    x, residual, gamma, beta, _ = (value.astype("float32") for value in arrays)
    graph = tf.function(
        lambda x, rate: add_norm(x, residual, gamma, beta, 0.1, rate, KEY)
    )
    first, dropped, again = (graph(x, rate).numpy() for rate in (0.0, 0.5, 0.0))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - dropped).max() > 0.1


def test_dtype_is_kept(arrays):
    x, residual, gamma, beta, _ = arrays
    low = [keras.ops.cast(value, "bfloat16") for value in (x, residual)]
    found = add_norm(*low, gamma, beta, 1e-12)
    assert found.dtype == low[0].dtype
    expected = numpy_layer_norm(x + residual, gamma, beta, 1e-12)
    np.testing.assert_allclose(keras.ops.cast(found, "float32"), expected, atol=0.1)
