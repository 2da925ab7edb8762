"""Fits that learn strengths: small ones, a step an epoch."""

from __future__ import annotations

import keras
import numpy as np

from tests.backbones import tiny
from tests.models.conftest import inputs_of
from tfreg.builders import build_classifier
from tfreg.callbacks import AdaptiveStrength

FIELDS = {"sequence_length": 16, "batch_size": 8, "learning_rate": 1e-2, "dropout": 0.0}
STILL = 1e-9  # a learning rate at which strengths stay where they are


def ids(model, rows, seed):
    random = np.random.default_rng(seed)
    x = {
        "token_ids": random.integers(5, 40, (rows, 8)).astype("int32"),
        "padding_mask": np.ones((rows, 8), "int32"),
        "segment_ids": np.zeros((rows, 8), "int32"),
    }
    return inputs_of(model, x), random.integers(0, 2, rows)


def build(optimizer=None, kind="bert", **fields):
    keras.utils.set_random_seed(0)
    model = build_classifier(tiny(kind), ("neg", "pos"), **{**FIELDS, **fields})
    if optimizer is not None:
        model.compile(optimizer)
    return model


def adapted(model, epochs=1, seed=0, validation_data=None, **arguments):
    """The callback, and the history of a fit with it, one step an epoch."""
    adaptive = AdaptiveStrength(
        **{"held_out": ids(model, 6, 9), "learning_rate": 0.1, **arguments}
    )
    history = model.fit(
        *ids(model, 8, seed), epochs=epochs, verbose=0, callbacks=[adaptive],
        validation_data=validation_data,
    )  # fmt: skip
    return adaptive, history.history
