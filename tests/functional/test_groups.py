from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfreg.functional.groups import safe_root, squares_along


def test_root_and_its_gradient():
    x = tf.constant([0.0, 4.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = safe_root(x)
    assert y.numpy().tolist() == [0.0, 2.0]
    assert tape.gradient(y, x).numpy().tolist() == [0.0, 0.25]


def test_squares_along_each_axis():
    kernel = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    for axis in range(3):
        slices = np.moveaxis(kernel, axis, 0)
        expected = [(one.astype("float64") ** 2).sum() for one in slices]
        np.testing.assert_allclose(squares_along(kernel, axis), expected, rtol=1e-5)
