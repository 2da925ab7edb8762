"""Orthogonal and Spectral: kernels of any rank, as the matrices they multiply by."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfreg._checks import InputError
from tfreg.regularizers import Orthogonal, Spectral

KERNEL = np.random.default_rng(0).normal(size=(8, 2, 4)).astype("float32")


def test_values():
    matrix = KERNEL.reshape(8, 8).astype("float64")
    distance = ((matrix.T @ matrix - np.eye(8)) ** 2).sum()
    assert float(Orthogonal(0.5)(KERNEL)) == pytest.approx(0.5 * distance, rel=1e-5)
    largest = np.linalg.svd(matrix, compute_uv=False)[0] ** 2
    found = float(Spectral(0.5, iterations=100)(KERNEL))
    assert found == pytest.approx(0.5 * largest, rel=1e-3)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("penalty", [Orthogonal(1.0), Spectral(1.0)])
def test_half_precision_is_computed_in_float32(penalty, dtype):
    low = keras.ops.cast(KERNEL * 100, dtype)
    value = penalty(low)
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    assert float(value) == pytest.approx(float(penalty(keras.ops.cast(low, "float32"))))


@pytest.mark.parametrize("cls", [Orthogonal, Spectral])
def test_config_and_strengths_that_cannot_be(cls):
    again = keras.regularizers.get(keras.regularizers.serialize(cls(0.25)))
    assert type(again) is cls and again.get_config() == cls(0.25).get_config()
    with pytest.raises(InputError, match="`alpha`"):
        cls(0)
    with pytest.raises(InputError, match="`iterations`"):
        Spectral(iterations=0)


def test_on_a_layer():
    layer = keras.layers.Dense(3, kernel_regularizer=Orthogonal(0.1))
    layer.build((None, 3))
    layer.kernel.assign(np.eye(3))
    assert float(layer.losses[0]) == pytest.approx(0.0, abs=1e-6)
