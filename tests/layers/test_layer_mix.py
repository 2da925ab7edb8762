from __future__ import annotations

import keras
import numpy as np
from scipy.special import softmax

from tfreg.layers import LayerMix


def layers():
    return list(np.random.default_rng(0).normal(size=(3, 2, 4, 5)).astype("float32"))


def test_it_starts_as_the_mean():
    np.testing.assert_allclose(LayerMix()(layers()), np.mean(layers(), 0), atol=1e-6)


def test_against_scipy():
    mix = LayerMix()
    mix(layers())
    mix.scores.assign([1.0, -2.0, 0.5])
    mix.gamma.assign(3.0)
    expected = 3 * np.tensordot(softmax([1.0, -2.0, 0.5]), layers(), 1)
    np.testing.assert_allclose(mix(layers()), expected, atol=1e-5)


def test_in_a_saved_functional_model(tmp_path):
    inputs = [keras.Input((None, 5)) for _ in range(3)]
    mix = LayerMix()
    outputs = mix(inputs)
    assert outputs.shape == (None, None, 5)
    model = keras.Model(inputs, outputs)
    mix.scores.assign([1.0, -2.0, 0.5])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(layers()), model(layers()))
