from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tfreg._checks import InputError
from tfreg.layers import WeightNoise

W = np.random.default_rng(0).normal(1.0, 0.2, (80, 90)).astype("float32")


def test_the_noise_is_gaussian_in_the_weight_s_own_deviations():
    """A new one in each pass; the gradient is the identity's."""
    w, layer = tf.Variable(W), WeightNoise(0.5, seed=1)
    with tf.GradientTape() as tape:
        found = layer(w, training=True)
    draws = [
        (x.numpy() - W) / (0.5 * W.std()) for x in (found, layer(w, training=True))
    ]
    for noise in draws:
        assert stats.kstest(noise.ravel(), "norm").pvalue > 1e-4
    assert stats.pearsonr(*(noise.ravel() for noise in draws)).pvalue > 1e-4
    np.testing.assert_array_equal(tape.gradient(found, w), np.ones_like(W))


def test_off_and_at_inference_it_is_the_weight():
    np.testing.assert_array_equal(WeightNoise(0.0)(W, training=True), W)
    np.testing.assert_array_equal(WeightNoise(0.9)(W), W)


@pytest.mark.parametrize("stddev", [-0.1, 1.1, "0.1", None])
def test_deviations_that_are_none(stddev):
    with pytest.raises(InputError, match=r"^`stddev` must be a number in \[0, 1\]"):
        WeightNoise(stddev)


def test_round_trip():
    layer = WeightNoise(0.3, seed=4, name="mine")
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert type(again) is WeightNoise and again.get_config() == layer.get_config()
    np.testing.assert_array_equal(again(W, training=True), layer(W, training=True))
