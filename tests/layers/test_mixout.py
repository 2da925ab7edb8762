from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tfreg.layers import Mixout

random = np.random.default_rng(0)
U = random.normal(size=(60, 70)).astype("float32")
W = (U + random.normal(size=U.shape)).astype("float32")


def mixed(layer, **arguments):
    return np.asarray(layer(W, U, training=True, **arguments))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_paper_s_formula(rate):
    found = mixed(Mixout(rate, seed=1))
    kept = (found != U).astype("float64")
    w, u = W.astype("float64"), U.astype("float64")
    expected = ((1 - kept) * u + kept * w - rate * u) / (1 - rate)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    test = stats.binomtest(int(kept.sum()), kept.size, 1 - rate)
    assert test.pvalue > 1e-4


def test_the_ends():
    np.testing.assert_array_equal(mixed(Mixout(0.0)), W)
    np.testing.assert_array_equal(mixed(Mixout(1.0)), U)
    np.testing.assert_array_equal(Mixout(0.9)(W, U), W)
    np.testing.assert_array_equal(Mixout(1.0)(W, U, training=False), W)


@pytest.mark.parametrize("rate", [0.3, 0.8])
def test_its_mean_is_the_weight(rate):
    layer, draws = Mixout(rate, seed=2), 400
    mean = np.mean([mixed(layer) for _ in range(draws)], axis=0, dtype="float64")
    error = np.abs(W - U) * np.sqrt(rate / (1 - rate) / draws)
    z = (mean - W) / error
    assert np.abs(z).max() < 6 and z.std() == pytest.approx(1.0, abs=0.1)


def test_slopes_are_those_of_what_was_kept():
    layer, w = Mixout(0.4, seed=3), tf.Variable(W)
    with tf.GradientTape() as tape:
        found = layer(w, tf.constant(U), training=True)
    slopes = tape.gradient(found, w)
    kept = found.numpy() != U
    np.testing.assert_allclose(slopes, np.where(kept, 1 / 0.6, 0.0), rtol=1e-6)


def test_a_weight_at_its_anchor_stays_there():
    found = Mixout(0.9, seed=4)(U, U, training=True)
    np.testing.assert_array_equal(found, U)


def test_the_same_seed_mixes_the_same():
    one, two = Mixout(0.5, seed=5), Mixout(0.5, seed=5)
    first = mixed(one)
    np.testing.assert_array_equal(mixed(two), first)
    assert (mixed(one) != first).any()


@pytest.mark.parametrize("jit", [False, True])
def test_saved_and_trained(tmp_path, jit):
    weight, anchor = keras.Input((6,)), keras.Input((6,))
    mixout = Mixout(0.25, name="mixout")(weight, anchor)
    model = keras.Model([weight, anchor], keras.layers.Dense(1)(mixout))
    model.compile("sgd", "mse", jit_compile=jit)
    x = [np.ones((4, 6), "float32"), np.zeros((4, 6), "float32")]
    model.fit(x, np.ones((4, 1)), verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.get_layer("mixout").rate == 0.25
    np.testing.assert_allclose(again.predict(x), model.predict(x), rtol=1e-6)
