from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfreg.functional.matrices import (
    matrix_form,
    orthogonality,
    spectral_norm_squared,
)


@pytest.mark.parametrize(
    "shape, form",
    [
        ((8, 2, 4), (8, 8)),  # query: width, heads, size
        ((2, 4, 8), (8, 8)),  # attention output
        ((6, 9), (6, 9)),
        ((5,), (5, 1)),
        ((2, 3, 4, 5), (24, 5)),
    ],
)
def test_form(shape, form):
    kernel = np.arange(np.prod(shape), dtype="float32").reshape(shape)
    found = matrix_form(kernel)
    if shape == (2, 3, 4, 5):
        form = (6, 20)  # |6 − 20| < |24 − 5|
    assert tuple(found.shape) == form
    np.testing.assert_array_equal(found, kernel.reshape(form))


@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (5, 5)])
def test_orthogonality(shape):
    matrix = np.random.default_rng(0).normal(size=shape)
    expected = ((matrix.T @ matrix - np.eye(shape[1])) ** 2).sum()
    found = float(orthogonality(tf.constant(matrix, "float32")))
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("shape", [(7, 4), (4, 7)])
def test_gradient_of_orthogonality(shape):
    """4W(WᵀW − I), derived by hand for the text's form, whichever side is smaller."""
    matrix = np.random.default_rng(0).normal(size=shape)
    value = tf.Variable(matrix, dtype="float32")
    with tf.GradientTape() as tape:
        distance = orthogonality(tf.convert_to_tensor(value))
    expected = 4 * matrix @ (matrix.T @ matrix - np.eye(shape[1]))
    np.testing.assert_allclose(
        tape.gradient(distance, value), expected, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (12, 12)])
def test_spectral_norm(shape):
    matrix = np.random.default_rng(0).normal(size=shape)
    largest = np.linalg.svd(matrix, compute_uv=False)[0] ** 2
    value = tf.constant(matrix, "float32")
    few = [float(spectral_norm_squared(value, n)) for n in (1, 3, 200)]
    assert few[0] <= few[1] <= few[2] * (1 + 1e-6)
    assert few[2] == pytest.approx(largest, rel=1e-4)


def test_gradient_of_the_spectral_norm():
    matrix = np.random.default_rng(0).normal(size=(6, 5))
    left, values, right = np.linalg.svd(matrix)
    value = tf.Variable(matrix, dtype="float32")
    with tf.GradientTape() as tape:
        norm = spectral_norm_squared(tf.convert_to_tensor(value), 300)
    expected = 2 * values[0] * np.outer(left[:, 0], right[0])
    np.testing.assert_allclose(tape.gradient(norm, value), expected, atol=1e-3)


def test_zero_has_norm_and_gradient_zero():
    value = tf.Variable(tf.zeros((3, 2)))
    with tf.GradientTape() as tape:
        norm = spectral_norm_squared(tf.convert_to_tensor(value), 5)
    assert float(norm) == 0.0
    np.testing.assert_array_equal(tape.gradient(norm, value), np.zeros((3, 2)))
