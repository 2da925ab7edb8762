"""Small data and models that train in seconds."""

from __future__ import annotations

import keras

TEXTS = ["the good movie", "a bad bad movie abc", "good", "bad dog"] * 4
NAMES = ["pos", "neg", "pos", "neg"] * 4
SENTENCES = [["the", "good", "movie"], ["a"] * 40, ["bad", "dog"], ["\u200b", "x"]] * 2
TAGS = [["O", "B-X", "I-X"], ["O"] * 40, ["B-X", "O"], ["O", "O"]] * 2


def inputs_of(model, x):
    """The part of a batch that a backbone takes."""
    return {name: x[name] for name in model.input if name in x}


def sgd():
    """Plain gradient steps, in which a penalty can be seen exactly."""
    return keras.optimizers.SGD(0.1)
