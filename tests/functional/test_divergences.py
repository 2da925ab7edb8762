from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, softmax
from scipy.stats import bernoulli, entropy, norm

from tfreg.functional.divergences import (
    normal_divergence,
    sigmoid_divergence,
    sigmoid_entropy,
    softmax_divergence,
    softmax_entropy,
)

SHAPES = [(6, 4), (2, 3, 5)]


def draw(shape, count=2):
    random = np.random.default_rng(0)
    return [3 * random.normal(size=shape).astype("float32") for _ in range(count)]


@pytest.mark.parametrize("shape", SHAPES)
def test_softmax_against_scipy(shape):
    a, b = draw(shape)
    p, q = softmax(a.astype("float64"), -1), softmax(b.astype("float64"), -1)
    expected = entropy(p, q, axis=-1) + entropy(q, p, axis=-1)
    np.testing.assert_allclose(softmax_divergence(a, b), expected, rtol=1e-5)
    np.testing.assert_allclose(softmax_entropy(a), entropy(p, axis=-1), rtol=1e-5)


def test_sigmoid_against_scipy():
    a, b = draw((6, 4))
    both = [np.stack([expit(x), expit(-x)]).astype("float64") for x in (a, b)]
    p, q = both
    expected = (entropy(p, q, axis=0) + entropy(q, p, axis=0)).mean(axis=-1)
    np.testing.assert_allclose(sigmoid_divergence(a, b), expected, rtol=2e-5)
    expected = bernoulli(expit(a.astype("float64"))).entropy().mean(axis=-1)
    np.testing.assert_allclose(sigmoid_entropy(a), expected, rtol=1e-5)


def test_normal_by_sampling():
    a, b = 0.7, -0.4
    x = np.random.default_rng(0).normal(size=400_000)
    one = (norm.logpdf(x + a, a) - norm.logpdf(x + a, b)).mean()
    other = (norm.logpdf(x + b, b) - norm.logpdf(x + b, a)).mean()
    found = float(normal_divergence(np.array([[a]]), np.array([[b]]))[0])
    assert found == pytest.approx(one + other, abs=0.01)
    assert found == pytest.approx((a - b) ** 2)


@pytest.mark.parametrize(
    "function", [softmax_divergence, sigmoid_divergence, normal_divergence]
)
def test_a_divergence(function):
    a, b = draw((6, 4))
    np.testing.assert_array_equal(function(a, a), np.zeros(6))
    np.testing.assert_allclose(function(a, b), function(b, a), rtol=1e-6)
    assert (np.asarray(function(a, b)) > 0).all()


@pytest.mark.parametrize("function", [softmax_divergence, sigmoid_divergence])
def test_close_predictions_keep_their_digits(function):
    """Two KLs summed apart would be rounding alone: they are 1e-10, of terms of 1."""
    (a,) = draw((50, 4), 1)
    b = a + np.float32(1e-5) * np.random.default_rng(1).normal(size=a.shape)
    b = b.astype("float32")
    if function is softmax_divergence:
        p, q = (softmax(x.astype("float64"), -1) for x in (a, b))
        expected = ((p - q) * (np.log(p) - np.log(q))).sum(-1)
    else:
        p, q = (expit(x.astype("float64")) for x in (a, b))
        expected = ((p - q) * (a.astype("float64") - b)).mean(-1)
    found = np.asarray(function(a, b), "float64")
    assert (found >= 0).all()
    assert found.sum() == pytest.approx(expected.sum(), rel=0.05)


@pytest.mark.parametrize(
    "function",
    [
        softmax_divergence,
        sigmoid_divergence,
        lambda a, b: softmax_entropy(a),
        lambda a, b: sigmoid_entropy(b),
    ],
)
def test_far_predictions_stay_finite(function):
    a = tf.Variable([[500.0, -500.0, 0.0]])
    b = tf.Variable([[-500.0, 500.0, 0.0]])
    with tf.GradientTape() as tape:
        value = function(a, b)
    for found in (value, *tape.gradient(value, [a, b])):
        assert found is None or np.isfinite(found).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_taken_to_float32(dtype):
    a, b = (keras.ops.cast(x, dtype) for x in draw((6, 4)))
    exact = [np.asarray(keras.ops.cast(x, "float32")) for x in (a, b)]
    for function in (softmax_divergence, sigmoid_divergence, normal_divergence):
        found = function(a, b)
        assert keras.backend.standardize_dtype(found.dtype) == "float32"
        np.testing.assert_allclose(found, function(*exact), rtol=1e-6)
