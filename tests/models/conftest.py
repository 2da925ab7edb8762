"""Small data and models that train in seconds."""

from __future__ import annotations

import keras
import numpy as np
import pytest

TEXTS = ["the good movie", "a bad bad movie abc", "good", "bad dog"] * 4
NAMES = ["pos", "neg", "pos", "neg"] * 4
SENTENCES = [["the", "good", "movie"], ["a"] * 40, ["bad", "dog"], ["\u200b", "x"]] * 2
TAGS = [["O", "B-X", "I-X"], ["O"] * 40, ["B-X", "O"], ["O", "O"]] * 2


@pytest.fixture
def ids():
    """A batch as a model without a tokenizer takes it, with padding."""
    random = np.random.default_rng(0)
    mask = np.array([[1] * 8, [1] * 5 + [0] * 3, [1] * 8, [1] * 2 + [0] * 6], "int32")
    x = {
        "token_ids": random.integers(5, 40, (4, 8)).astype("int32") * mask,
        "padding_mask": mask,
        "segment_ids": np.zeros((4, 8), "int32"),
    }
    return x, np.array([0, 1, 1, 0], "int32")


def inputs_of(model, x):
    """The part of a batch that a backbone takes."""
    return {name: x[name] for name in model.input if name in x}


def sgd():
    """Plain gradient steps, in which a penalty can be seen exactly."""
    return keras.optimizers.SGD(0.1)
