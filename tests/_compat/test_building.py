from __future__ import annotations

import threading

import keras
import numpy as np

from tfreg import _compat


def dense():
    layer = keras.layers.Dense(
        3,
        kernel_initializer=keras.initializers.RandomNormal(seed=1),
        bias_initializer="ones",
    )
    layer.build((None, 2))
    return layer


def test_random_weights_are_zeros_inside_and_drawn_after():
    drawn = dense()
    with _compat.undrawn() as left:
        layer = dense()
        dropout = keras.layers.Dropout(0.5, seed=7)
    assert not layer.kernel.numpy().any()
    np.testing.assert_array_equal(layer.bias, np.ones(3))
    np.testing.assert_array_equal(dropout.seed_generator.state, [7, 0])
    ((variable, draw),) = left
    assert variable is layer.kernel
    draw()
    np.testing.assert_array_equal(layer.kernel, drawn.kernel)


def test_outside_and_in_other_threads_they_are_drawn():
    found = []
    with _compat.undrawn() as left:
        with _compat.undrawn() as inner:
            dense()
        thread = threading.Thread(target=lambda: found.append(dense()))
        thread.start()
        thread.join()
    found.append(dense())
    assert len(inner) == 1 and not left
    assert all(layer.kernel.numpy().all() for layer in found)
