from __future__ import annotations

import keras
import numpy as np
import pytest

from tfreg.heads import WordGather


@pytest.mark.parametrize("words", [1, 4, 9])
def test_the_rows_at_the_positions(words):
    random = np.random.default_rng(0)
    sequence = random.normal(size=(3, 6, 5)).astype("float32")
    places = random.integers(0, 6, (3, words))
    expected = np.stack([row[place] for row, place in zip(sequence, places)])
    found = WordGather()(sequence, keras.ops.convert_to_tensor(places))
    np.testing.assert_array_equal(found, expected)


def test_half_precision_is_kept():
    layer = WordGather(dtype="mixed_bfloat16")
    found = layer(keras.ops.ones((1, 3, 2), dtype="bfloat16"), np.array([[1]]))
    assert keras.backend.standardize_dtype(found.dtype) == "bfloat16"


def test_in_a_saved_functional_model(tmp_path):
    inputs = keras.Input((None, 2))
    positions = keras.Input((None,), dtype="int32")
    outputs = WordGather()(inputs, positions)
    assert outputs.shape == (None, None, 2)
    model = keras.Model([inputs, positions], outputs)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    sequence = np.arange(8.0).reshape(1, 4, 2)
    found = again([sequence, np.array([[3, 0, 3]])])
    np.testing.assert_array_equal(found, [[[6, 7], [0, 1], [6, 7]]])
