"""Small fits that can be stopped, and what tells that two of them ended equal."""

from __future__ import annotations

import keras
import numpy as np

from tests.backbones import tiny, tokenizer
from tests.models.conftest import NAMES, TEXTS
from tfreg.builders import build_classifier


def model_of(**fields):
    defaults = {"dropout": 0.3, "learning_rate": 1e-3, "epochs": 4}
    fields = {"tokenizer": tokenizer(), **defaults, **fields}
    keras.utils.set_random_seed(1)
    return build_classifier(
        tiny(dropout=0.1),
        ("neg", "pos"),
        sequence_length=32,
        batch_size=4,
        **fields,
    )


def fit(model, *callbacks, **kwargs):
    return model.fit(
        TEXTS,
        NAMES,
        validation_data=(TEXTS[:6], NAMES[:6]),
        callbacks=list(callbacks),
        verbose=0,
        **kwargs,
    ).history


def check_equal(again, history, whole, expected):
    assert history.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-5, err_msg=name)
    for mine, theirs in zip(again.weights, whole.weights):
        np.testing.assert_allclose(
            mine, theirs, rtol=1e-5, atol=1e-7, err_msg=mine.path
        )
