"""A regressor's targets may have any scale."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.backbones import tiny, tokenizer
from tests.models.conftest import TEXTS, inputs_of
from tfreg.builders import build_regressor
from tfreg.data.examples import Examples

NUMBERS = [1040.0, 960.0, 1020.0, 980.0] * 4


def regressor(**fields):
    return build_regressor(
        tiny(), tokenizer=tokenizer(), sequence_length=32, dropout=0.0, **fields
    )


def test_a_large_scale_is_met_from_the_first_step():
    model = regressor()
    model.fit(TEXTS, NUMBERS, epochs=1, verbose=0)
    far = model.predict(TEXTS, verbose=0)[:, 0] - np.mean(NUMBERS)
    assert np.abs(far).max() < 2 * np.std(NUMBERS)


@pytest.mark.parametrize("form", ["examples", "lists", "dataset", "ids"])
def test_every_form_of_data_says_the_scale(form, ids):
    model = regressor()
    if form == "examples":
        model.fit(Examples("text", tuple(TEXTS), tuple(NUMBERS)), epochs=1, verbose=0)
    elif form == "lists":
        model.fit(TEXTS, NUMBERS, epochs=1, verbose=0)
    elif form == "dataset":
        slices = tf.data.Dataset.from_tensor_slices((TEXTS, NUMBERS)).batch(8)
        model.fit(slices, epochs=1, verbose=0)
    else:
        model = build_regressor(tiny(), dropout=0.0, sequence_length=32)
        model.fit(inputs_of(model, ids[0]), np.array(NUMBERS[:4]), epochs=1, verbose=0)
    scale = model.target_scale
    assert float(scale.mean) == np.mean(NUMBERS)
    np.testing.assert_allclose(float(scale.deviation), np.std(NUMBERS), rtol=1e-6)


def test_the_same_fit_whatever_the_unit():
    """Adam's steps do not see the loss's scale, and standardised targets are alike."""
    found = []
    for unit, offset in ((1.0, 0.0), (32.0, 7.0)):  # exact in binary
        model = regressor(global_clipnorm=None)
        targets = [unit * number + offset for number in NUMBERS]
        model.fit(TEXTS, targets, epochs=2, verbose=0)
        found.append((model.predict(TEXTS, verbose=0) - offset) / unit)
    np.testing.assert_allclose(*found, atol=0.05 * np.std(NUMBERS))


def test_a_second_fit_keeps_the_first_scale(tmp_path):
    model = regressor()
    model.fit(TEXTS, NUMBERS, epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    again.fit(TEXTS, [1.0] * len(TEXTS), epochs=1, verbose=0)
    assert float(again.target_scale.mean) == np.mean(NUMBERS)
