from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import integrate, stats

from tfreg.functional.gaussians import kl_divergence, normal

KEYS = [(0, 0), (0, 1), (1, 0), (7, 1234), (2**31 - 1, 5)]


def samples(*key, shape=(100, 300)):
    like = keras.ops.zeros(shape)
    return keras.ops.convert_to_numpy(normal(like, keras.ops.array(key)))


@pytest.mark.parametrize("key", KEYS)
def test_samples_are_normal(key):
    found = samples(*key)
    assert found.shape == (100, 300) and found.dtype == np.float32
    assert stats.kstest(found.ravel(), "norm").pvalue > 1e-4
    assert 3.5 < np.abs(found).max() < 5.9


def test_neighbours_and_keys_that_follow_one_another_are_independent():
    rows = [samples(seed, step, shape=(30_000,)) for seed in (0, 1) for step in (0, 1)]
    pairs = [(a, b) for i, a in enumerate(rows) for b in rows[:i]]
    pairs += [(row[lag:], row[:-lag]) for row in rows for lag in (1, 2, 32, 384)]
    for one, other in pairs:
        assert stats.pearsonr(one, other).pvalue > 1e-4
        assert stats.pearsonr(one**2, other**2).pvalue > 1e-4


def test_a_key_gives_one_sample():
    np.testing.assert_array_equal(samples(3, 4), samples(3, 4))
    assert (samples(3, 4) != samples(3, 5)).mean() > 0.99


@pytest.mark.parametrize("jit", [False, True])
def test_what_it_is_like_is_not_read(jit):
    x = tf.constant(np.full((4, 5), np.nan), "bfloat16")

    @tf.function(jit_compile=jit)
    def draw(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = normal(x, (1, 2))
        return y, tape.gradient(y, x, unconnected_gradients="zero")

    y, gradient = draw(x)
    assert y.dtype == tf.float32 and np.isfinite(y).all()
    assert not tf.cast(gradient, "float32").numpy().any()


CASES = [  # μ, σ, m, s
    (0.0, 1.0, 0.0, 1.0),
    (2.0, 0.5, 0.0, 1.0),
    (-1.5, 3.0, 0.0, 1.0),
    (0.3, 0.01, 0.0, 1.0),
    (1.0, 2.0, -1.0, 0.5),
    (0.0, 0.2, 4.0, 3.0),
]


def integral(mean, deviation, prior_mean, prior_deviation):
    """∫ q·ln(q/p), by quadrature."""
    q = stats.norm(mean, deviation)
    p = stats.norm(prior_mean, prior_deviation)
    ends = mean - 12 * deviation, mean + 12 * deviation
    return integrate.quad(
        lambda z: q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), *ends, points=[mean]
    )[0]


@pytest.mark.parametrize("case", CASES)
def test_the_divergence_of_one_dimension(case):
    mean, deviation, *prior = (np.array([value], "float32") for value in case)
    found = float(kl_divergence(mean, deviation, *prior))
    assert found == pytest.approx(integral(*case), rel=1e-5, abs=1e-6)


def test_dimensions_are_summed():
    columns = np.array(CASES).T.astype("float32")
    total = sum(integral(*case) for case in CASES)
    found = kl_divergence(*(column[None, None] for column in columns))
    assert found.shape == (1, 1)
    assert float(found[0, 0]) == pytest.approx(total, rel=1e-5)


def test_slopes_by_central_differences_of_the_integral():
    mean, deviation = tf.Variable([0.7, -1.0]), tf.Variable([0.5, 1.5])
    with tf.GradientTape() as tape:
        loss = kl_divergence(mean, deviation, 0.5, 2.0)
    slopes = tape.gradient(loss, [mean, deviation])
    h = 1e-4
    for i in range(2):
        m, s = float(mean[i]), float(deviation[i])
        by_mean = integral(m + h, s, 0.5, 2.0) - integral(m - h, s, 0.5, 2.0)
        by_deviation = integral(m, s + h, 0.5, 2.0) - integral(m, s - h, 0.5, 2.0)
        assert float(slopes[0][i]) == pytest.approx(by_mean / (2 * h), rel=1e-4)
        assert float(slopes[1][i]) == pytest.approx(by_deviation / (2 * h), rel=1e-4)


def test_half_precision_does_not_overflow():
    mean = keras.ops.full((3,), 300.0, dtype="float16")
    found = kl_divergence(mean, keras.ops.ones(3, dtype="float16"))
    assert float(found) == 1.5 * 300**2
