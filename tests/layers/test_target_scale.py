from __future__ import annotations

import keras
import numpy as np

from tfreg.layers import TargetScale

TARGETS = np.random.default_rng(0).normal(250, 40, (20, 1))


def test_nothing_changes_before_there_were_targets():
    values = np.random.default_rng(1).normal(size=(4, 1)).astype("float32")
    np.testing.assert_array_equal(TargetScale()(values), values)


def test_zero_is_the_mean_and_one_a_deviation_above():
    layer = TargetScale()
    layer.learn(TARGETS)
    expected = [TARGETS.mean(), TARGETS.mean() + TARGETS.std()]
    np.testing.assert_allclose(layer(np.array([0.0, 1.0])), expected, rtol=1e-6)


def test_only_the_first_targets_count():
    layer = TargetScale()
    layer.learn([])
    layer.learn(TARGETS)
    layer.learn(TARGETS + 1000)
    np.testing.assert_allclose(layer(np.zeros(1)), [TARGETS.mean()], rtol=1e-6)


def test_targets_that_are_all_alike():
    layer = TargetScale()
    layer.learn([3.0, 3.0])
    np.testing.assert_array_equal(layer(np.array([0.0, 1.0])), [3.0, 4.0])


def test_in_a_saved_functional_model(tmp_path):
    inputs = keras.Input((1,))
    layer = TargetScale()
    model = keras.Model(inputs, layer(inputs))
    layer.learn(TARGETS)
    assert not model.trainable_weights
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(TARGETS), model(TARGETS))
