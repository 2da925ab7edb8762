from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.special import softmax

from tfreg.heads import AttentionPooling, MaskedMean

MASK = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]])


@pytest.fixture
def sequence():
    return np.random.default_rng(0).normal(size=(3, 4, 5)).astype("float32")


def test_it_starts_as_the_mean(sequence):
    expected = MaskedMean()(sequence, MASK)
    np.testing.assert_allclose(AttentionPooling()(sequence, MASK), expected, atol=1e-6)


@pytest.mark.parametrize("dtype, atol", [("float32", 1e-6), ("mixed_bfloat16", 2e-2)])
def test_against_scipy(sequence, dtype, atol):
    layer = AttentionPooling(dtype=dtype)
    layer(sequence, MASK)
    query = 3 * np.random.default_rng(1).normal(size=5)
    layer.query.assign(query)
    found = layer(sequence, MASK)
    assert keras.backend.standardize_dtype(found.dtype) == layer.compute_dtype
    for row, mask, one in zip(sequence, MASK, keras.ops.cast(found, "float32")):
        weights = softmax(row[mask > 0] @ query / 5**0.5)
        np.testing.assert_allclose(one, weights @ row[mask > 0], atol=atol)


def test_padding_does_not_matter(sequence):
    layer, other = AttentionPooling(), sequence.copy()
    other[MASK == 0] = 1e6
    layer(sequence, MASK)
    layer.query.assign(np.ones(5))
    np.testing.assert_array_equal(layer(sequence, MASK), layer(other, MASK))


def test_in_a_saved_functional_model(tmp_path, sequence):
    inputs, mask = keras.Input((None, 5)), keras.Input((None,), dtype="int32")
    layer = AttentionPooling()
    outputs = layer(inputs, mask)
    assert outputs.shape == (None, 5)
    model = keras.Model([inputs, mask], outputs)
    layer.query.assign(np.arange(5.0))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again([sequence, MASK]), model([sequence, MASK]))
