from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy import stats

from tfreg._checks import InputError
from tfreg.layers import Dropout, MultiSampleDropout

X = np.random.default_rng(0).normal(2.0, 0.1, (30, 40)).astype("float32")


def test_masks_of_one_pass_are_independent():
    found = np.asarray(MultiSampleDropout(0.3, 4, seed=1)(X, training=True))
    assert found.shape == (4, 30, 40)
    dropped = found == 0
    np.testing.assert_allclose(found, np.where(dropped, 0, X / 0.7), rtol=1e-6)
    for i, mask in enumerate(dropped):
        assert stats.binomtest(int(mask.sum()), mask.size, 0.3).pvalue > 1e-4
        for other in dropped[:i]:
            both = int((mask & other).sum())
            assert stats.binomtest(both, mask.size, 0.09).pvalue > 1e-4


def test_one_sample_is_dropout():
    one, dropout = MultiSampleDropout(0.5, seed=2), Dropout(0.5, seed=2)
    np.testing.assert_array_equal(one(X, training=True), dropout(X, training=True))


def test_at_inference_it_does_nothing():
    np.testing.assert_array_equal(MultiSampleDropout(0.5, 8)(X), X)


def test_without_dropout_all_samples_are_the_input():
    found = MultiSampleDropout(0.0, 3)(X, training=True)
    np.testing.assert_array_equal(found, np.stack([X] * 3))


def test_saved(tmp_path):
    inputs = keras.Input((40,))
    outputs = MultiSampleDropout(0.5, 3, name="samples")(inputs)
    assert outputs.shape == (None, 40)
    model = keras.Model(inputs, keras.layers.Dense(2)(outputs))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.get_layer("samples").samples == 3
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again(X, training=True).shape == (3, 30, 2)


def test_fewer_samples_than_one():
    with pytest.raises(InputError, match="`samples` must be an integer of at least 1"):
        MultiSampleDropout(0.5, 0)
