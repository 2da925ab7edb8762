from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfreg.heads import MaskedMax


@pytest.mark.parametrize("dtype", ["int32", "bool", "float32"])
def test_the_largest_of_the_real_pieces(dtype):
    sequence = np.random.default_rng(0).normal(size=(4, 5, 3)).astype("float32") - 5
    sizes = (5, 2, 1, 0)
    mask = np.array([[i < size for i in range(5)] for size in sizes]).astype(dtype)
    expected = [
        row[:n].max(axis=0) if n else 0 * row[0] for row, n in zip(sequence, sizes)
    ]
    found = MaskedMax()(sequence, keras.ops.convert_to_tensor(mask))
    np.testing.assert_array_equal(found, np.array(expected))


def test_the_first_of_the_largest_has_the_gradient():
    sequence = tf.constant([[[1.0, 2.0], [3.0, 2.0], [9.0, 9.0]], [[4.0, 4.0]] * 3])
    with tf.GradientTape() as tape:
        tape.watch(sequence)
        found = MaskedMax()(sequence, tf.constant([[1, 1, 0], [0, 0, 0]]))
    expected = [[[0, 1], [1, 0], [0, 0]], [[0, 0]] * 3]
    assert np.array(tape.gradient(found, sequence)).tolist() == expected


def test_half_precision():
    layer = MaskedMax(dtype="mixed_float16")
    found = layer(np.full((1, 2, 3), -7.0), np.array([[1, 0]]))
    assert keras.backend.standardize_dtype(found.dtype) == "float16"
    assert np.array(found).tolist() == [[-7.0] * 3]


def test_in_a_saved_functional_model(tmp_path):
    inputs, mask = keras.Input((None, 4)), keras.Input((None,), dtype="int32")
    outputs = MaskedMax()(inputs, mask)
    assert outputs.shape == (None, 4)
    model = keras.Model([inputs, mask], outputs)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    sequence = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    found = again([sequence, np.array([[1, 1, 0]] * 2)])
    np.testing.assert_array_equal(found, sequence[:, :2].max(axis=1))
