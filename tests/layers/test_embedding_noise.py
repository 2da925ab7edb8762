from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy import stats

from tfreg._checks import InputError
from tfreg.layers import Dropout, EmbeddingNoise

X = np.random.default_rng(0).normal(size=(40, 50, 8)).astype("float32")


def test_the_noise_is_gaussian_of_the_deviation_asked_for():
    layer = EmbeddingNoise(0.25, seed=1)
    draws = [(np.asarray(layer(X, training=True)) - X) / 0.25 for _ in range(2)]
    for noise in draws:
        assert stats.kstest(noise.ravel(), "norm").pvalue > 1e-4
    assert stats.pearsonr(*(noise.ravel() for noise in draws)).pvalue > 1e-4


def test_at_inference_it_does_nothing():
    np.testing.assert_array_equal(EmbeddingNoise(3.0, 0.5)(X), X)


def test_without_noise_it_is_dropout():
    noiseless, dropout = EmbeddingNoise(0.0, 0.5, seed=2), Dropout(0.5, seed=2)
    found = noiseless(X, training=True)
    np.testing.assert_array_equal(found, dropout(X, training=True))


def test_dropout_comes_after_the_noise():
    found = np.asarray(EmbeddingNoise(0.1, 0.5, seed=3)(X, training=True))
    dropped = found == 0
    assert stats.binomtest(int(dropped.sum()), dropped.size, 0.5).pvalue > 1e-4
    noise = (found / 2 - X)[~dropped]
    assert noise.std() == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision(policy):
    layer = EmbeddingNoise(0.5, 0.1, seed=4, dtype=policy)
    found = layer(X, training=True)
    assert keras.backend.standardize_dtype(found.dtype) == layer.compute_dtype
    assert np.isfinite(np.asarray(keras.ops.cast(found, "float32"))).all()


@pytest.mark.parametrize("jit", [False, True])
def test_saved_and_trained(tmp_path, jit):
    inputs = keras.Input((6,))
    noise = EmbeddingNoise(0.25, 0.1, name="noise")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(noise))
    model.compile("sgd", "mse", jit_compile=jit)
    x = np.ones((4, 6), "float32")
    model.fit(x, np.ones((4, 1)), verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    layer = again.get_layer("noise")
    assert (layer.stddev, layer.rate) == (0.25, 0.1)
    np.testing.assert_allclose(again.predict(x), model.predict(x), rtol=1e-6)


def test_a_deviation_below_zero():
    with pytest.raises(InputError, match="`stddev` must be a number in"):
        EmbeddingNoise(-0.1)
