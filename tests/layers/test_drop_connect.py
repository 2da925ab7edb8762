from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from scipy import stats

from tfreg.layers import DropConnect

W = np.random.default_rng(0).normal(1.0, 0.2, (80, 90)).astype("float32")


def test_elements_are_dropped_and_the_rest_is_scaled():
    w = tf.Variable(W)
    with tf.GradientTape() as tape:
        found = DropConnect(0.2, seed=1)(w, training=True)
    kept = found.numpy() != 0
    np.testing.assert_allclose(found, np.where(kept, W / 0.8, 0), rtol=1e-6)
    assert stats.binomtest(int(kept.sum()), kept.size, 0.8).pvalue > 1e-4
    slopes = tape.gradient(found, w)
    np.testing.assert_allclose(slopes, np.where(kept, 1 / 0.8, 0), rtol=1e-6)


def test_off_and_at_inference_it_is_the_weight():
    np.testing.assert_array_equal(DropConnect(0.0)(W, training=True), W)
    np.testing.assert_array_equal(DropConnect(0.9)(W), W)


def test_round_trip():
    layer = DropConnect(0.3, seed=4, name="mine")
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert type(again) is DropConnect and again.get_config() == layer.get_config()
    np.testing.assert_array_equal(again(W, training=True), layer(W, training=True))
