from __future__ import annotations

import keras
import numpy as np
import pytest

from tfreg.functional.orthogonality import orthogonality


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4)])
def test_against_numpy(shape):
    matrix = np.random.default_rng(0).normal(size=shape)
    small = matrix.T @ matrix if shape[0] >= shape[1] else matrix @ matrix.T
    expected = np.linalg.norm(small - np.eye(min(shape))) ** 2
    assert float(orthogonality(matrix)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("shape", [(6, 3), (3, 6)])
def test_orthonormal_is_zero(shape):
    tall, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 3)))
    matrix = tall if shape == (6, 3) else tall.T
    assert float(orthogonality(matrix)) == pytest.approx(0, abs=1e-10)


def test_in_float32_whatever_comes():
    found = orthogonality(keras.ops.full((300, 2), 20.0, dtype="float16"))
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    expected = 2 * (120000.0 - 1) ** 2 + 2 * 120000.0**2
    assert float(found) == pytest.approx(expected, rel=1e-5)
