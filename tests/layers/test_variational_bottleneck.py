from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tfreg._checks import InputError
from tfreg.layers import VariationalBottleneck
from tfreg.regularizers import L2

X = np.random.default_rng(0).normal(size=(6, 10)).astype("float32")


def filled(**arguments):
    layer = VariationalBottleneck(**{"dim": 3, "beta": 0.5, "seed": 1, **arguments})
    layer.build((None, 10))
    random = np.random.default_rng(1)
    for weight in layer.trainable_variables:
        weight.assign(random.normal(0.0, 0.5, weight.shape))
    return layer


def in_numpy(layer, x):
    """μ, σ and the prior's m and s, in float64."""
    weights = {v.path.split("/", 1)[-1]: np.array(v, "float64") for v in layer.weights}

    def dense(x, name):
        return x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]

    def softplus(x):
        return np.log1p(np.exp(x))

    for name in ("outer", "inner"):
        x = np.maximum(dense(x.astype("float64"), name), 0)
    prior = 0.0, 1.0
    if layer.learn_prior:
        prior = weights["prior_mean"], softplus(weights["prior_deviation"])
    return dense(x, "mean"), softplus(dense(x, "deviation")), *prior


def divergence(mean, deviation, prior_mean, prior_deviation):
    """KL by the determinants and traces of the two covariances."""
    found = []
    for m, d in zip(mean, deviation):
        q, p = np.diag(d**2), np.diag(np.broadcast_to(prior_deviation, d.shape) ** 2)
        far, inverse = prior_mean - m, np.linalg.inv(p)
        logs = np.linalg.slogdet(p)[1] - np.linalg.slogdet(q)[1]
        found.append((np.trace(inverse @ q) + far @ inverse @ far - len(m) + logs) / 2)
    return np.array(found)


def test_widths_are_the_paper_s():
    layer = VariationalBottleneck(dim=144)
    layer.build((None, 768))
    assert (layer.outer.units, layer.inner.units) == ((2304 + 144) // 4, 912 // 2)
    assert layer.mean.units == layer.deviation.units == 144


def test_at_inference_it_is_the_mean():
    layer = filled()
    mean = in_numpy(layer, X)[0]
    for found in (layer(X), layer(X, training=False)):
        np.testing.assert_allclose(found, mean, rtol=1e-4, atol=1e-5)
    with pytest.raises(InputError, match="a penalty after a training pass only"):
        layer.penalty()


def test_in_training_it_is_a_sample():
    layer = filled()
    mean, deviation, *_ = in_numpy(layer, X)
    draws = np.stack([np.asarray(layer(X, training=True)) for _ in range(500)])
    z = (draws - mean) / deviation
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-4
    assert stats.pearsonr(z[:-1].ravel(), z[1:].ravel()).pvalue > 1e-4


@pytest.mark.parametrize("learn_prior", [False, True])
def test_the_penalty(learn_prior):
    layer = filled(learn_prior=learn_prior)
    each = divergence(*in_numpy(layer, X))
    layer(X, training=True)
    assert float(layer.penalty()) == pytest.approx(0.5 * each.mean(), rel=1e-4)
    with pytest.raises(InputError):
        layer.penalty()  # once a pass
    layer.share.assign(0.25)
    layer(X, training=True)
    real = np.array([1, 0, 0, 1, 1, 0])
    expected = 0.5 * 0.25 * each[real == 1].mean()
    assert float(layer.penalty(real)) == pytest.approx(expected, rel=1e-4)
    layer(X, training=True)
    assert float(layer.penalty(0 * real)) == 0.0


def test_the_learned_prior_starts_as_the_standard_one():
    fixed, learned = VariationalBottleneck(3), VariationalBottleneck(3, 1e-5, True)
    for layer in (fixed, learned):
        layer.build((None, 10))
    assert len(learned.trainable_variables) == len(fixed.trainable_variables) + 2
    for one, other in zip(fixed.trainable_variables, learned.trainable_variables[2:]):
        other.assign(one)
    penalties = []
    for layer in (fixed, learned):
        layer(X, training=True)
        penalties.append(float(layer.penalty()))
    assert penalties[1] == pytest.approx(penalties[0], rel=1e-4)


def test_words_and_samples_have_axes_of_their_own():
    layer = filled()
    many = np.stack([X.reshape(2, 3, 10)] * 4)
    assert layer(many, training=True).shape == (4, 2, 3, 3)
    flat = divergence(*in_numpy(layer, X))
    real = np.array([[1, 1, 0], [1, 0, 0]])
    expected = 0.5 * flat[real.ravel() == 1].mean()
    found = float(layer.penalty(np.concatenate([real] * 4)))
    assert found == pytest.approx(expected, rel=1e-4)


def test_slopes_of_the_penalty_by_central_differences():
    layer = filled(learn_prior=True)

    def penalty():
        layer(X, training=True)
        return layer.penalty()

    weights = layer.trainable_variables
    with tf.GradientTape() as tape:
        loss = penalty()
    slopes = tape.gradient(loss, [weight.value for weight in weights])
    for weight, slope in zip(weights, slopes):
        direction = np.random.default_rng(2).normal(size=weight.shape)
        start, h = np.array(weight), 1e-3
        ends = []
        for sign in (1, -1):
            weight.assign(start + sign * h * direction)
            ends.append(float(0.5 * divergence(*in_numpy(layer, X)).mean()))
        weight.assign(start)
        expected = (ends[0] - ends[1]) / (2 * h)
        found = float((slope.numpy() * direction).sum())
        assert found == pytest.approx(expected, rel=1e-2, abs=1e-3), weight.path


def test_a_deviation_of_nothing_stays_finite():
    layer = filled()
    layer.deviation.kernel.assign(keras.ops.zeros(layer.deviation.kernel.shape))
    layer.deviation.bias.assign([-200.0] * 3)
    mean = in_numpy(layer, X)[0]
    np.testing.assert_allclose(layer(X, training=True), mean, atol=1e-4)
    assert np.isfinite(float(layer.penalty()))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision(policy):
    layer = filled(dtype=policy)
    found = layer(100 * X, training=True)
    assert keras.backend.standardize_dtype(found.dtype) == layer.compute_dtype
    penalty = layer.penalty()
    assert penalty.dtype == tf.float32 and np.isfinite(float(penalty))


def test_every_kernel_is_regularised():
    layer = filled(kernel_regularizer=L2(0.1))
    kernels = [v for v in layer.trainable_variables if v.path.endswith("/kernel")]
    expected = 0.1 * sum(np.square(np.array(v)).sum() for v in kernels)
    assert len(kernels) == 4
    assert sum(map(float, layer.losses)) == pytest.approx(expected, rel=1e-5)


def test_saved(tmp_path):
    inputs = keras.Input((10,))
    layer = filled(learn_prior=True, kernel_regularizer=L2(0.1), name="bottleneck")
    model = keras.Model(inputs, layer(inputs))
    layer.share.assign(0.5)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    loaded = again.get_layer("bottleneck")
    assert loaded.get_config() == layer.get_config()
    assert float(loaded.share) == 0.5 and not loaded.share.trainable
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert sum(map(float, loaded.losses)) == pytest.approx(
        sum(map(float, layer.losses))
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"dim": 0}, "`dim` must be an integer of at least 1"),
        ({"beta": -1.0}, "`beta` must be a number in"),
        ({"learn_prior": "yes"}, "`learn_prior` must be one of True, False"),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        VariationalBottleneck(**arguments)
