from __future__ import annotations

import keras
import numpy as np
import pytest

from tfreg.heads import MaskedMean


@pytest.fixture
def sequence():
    return np.random.default_rng(0).normal(size=(3, 5, 4)).astype("float32")


@pytest.mark.parametrize("dtype", ["int32", "bool", "float32"])
def test_the_mean_of_the_real_pieces(sequence, dtype):
    sizes = (5, 2, 1)
    mask = np.array([[i < size for i in range(5)] for size in sizes]).astype(dtype)
    expected = [row[:size].mean(axis=0) for row, size in zip(sequence, sizes)]
    found = MaskedMean()(sequence, keras.ops.convert_to_tensor(mask))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_padding_does_not_matter(sequence):
    mask = np.array([[1, 1, 1, 0, 0]] * 3)
    other = sequence.copy()
    other[:, 3:] = 1e6
    np.testing.assert_array_equal(
        MaskedMean()(sequence, mask), MaskedMean()(other, mask)
    )


def test_no_real_piece_is_zero(sequence):
    assert not np.array(MaskedMean()(sequence, np.zeros((3, 5), "int32"))).any()


def test_summed_in_float32():
    # 4,096 ones in float16 are 2,048 and in bfloat16 256: the mean must still be 1.
    for policy in ("mixed_float16", "mixed_bfloat16"):
        layer = MaskedMean(dtype=policy)
        ones = keras.ops.ones((1, 4096, 2), dtype=layer.compute_dtype)
        found = layer(ones, np.ones((1, 4096), "int32"))
        assert keras.backend.standardize_dtype(found.dtype) == layer.compute_dtype
        assert float(found[0, 0]) == 1.0


def test_in_a_saved_functional_model(tmp_path, sequence):
    inputs = keras.Input((None, 4))
    mask = keras.Input((None,), dtype="int32")
    outputs = MaskedMean(name="mean")(inputs, mask)
    assert outputs.shape == (None, 4)
    model = keras.Model([inputs, mask], outputs)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    real = np.array([[1, 1, 0, 0, 0]] * 3)
    np.testing.assert_allclose(
        again([sequence, real]), sequence[:, :2].mean(axis=1), rtol=1e-5, atol=1e-6
    )
