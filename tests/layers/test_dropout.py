from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfreg.layers import Dropout


def test_training_only():
    x = np.ones((8, 9), "float32")
    layer = Dropout(0.5, seed=1)
    np.testing.assert_array_equal(layer(x), x)
    np.testing.assert_array_equal(layer(x, training=False), x)
    assert set(np.unique(layer(x, training=True))) == {0.0, 2.0}


def test_other_masks_in_every_call_and_the_same_from_the_same_seed():
    x = np.ones((100,), "float32")
    first, again = Dropout(0.5, seed=3), Dropout(0.5, seed=3)
    masks = [np.asarray(first(x, training=True)) for _ in range(3)]
    assert not (masks[0] == masks[1]).all() and not (masks[1] == masks[2]).all()
    for mask in masks:
        np.testing.assert_array_equal(again(x, training=True), mask)


def test_rates_at_the_ends():
    x = np.ones((4, 5), "float32")
    np.testing.assert_array_equal(Dropout(0.0)(x, training=True), x)
    np.testing.assert_array_equal(Dropout(1.0)(x, training=True), 0 * x)


def test_a_noise_shape_is_kept():
    y = np.asarray(
        Dropout(0.5, noise_shape=(6, 1), seed=0)(np.ones((6, 7)), training=True)
    )
    assert (y == y[:, :1]).all() and set(np.unique(y)) == {0.0, 2.0}


@pytest.mark.parametrize("jit", [False, True])
def test_saved_and_trained(tmp_path, jit):
    inputs = keras.Input((6,))
    model = keras.Model(inputs, keras.layers.Dense(1)(Dropout(0.25)(inputs)))
    model.compile("sgd", "mse", jit_compile=jit)
    x = np.ones((4, 6), "float32")
    model.fit(x, np.ones((4, 1)), verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again.layers[1]) is Dropout and again.layers[1].rate == 0.25
    np.testing.assert_allclose(again.predict(x), model.predict(x), rtol=1e-6)


def test_keys_are_those_of_keras_s_generator():
    """One after the other from the first, in a graph too, as checkpoints have them."""
    layer = Dropout(0.5, seed=3)
    theirs = keras.random.SeedGenerator(3)
    graph = tf.function(lambda: layer.key())
    for key in (layer.key, graph, graph, layer.key):
        np.testing.assert_array_equal(key(), theirs.next())
