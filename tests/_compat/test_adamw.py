"""AdamW's step on large weights, under a strategy of one device."""

from __future__ import annotations

from contextlib import nullcontext

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfreg.optimizers import AdamW

WIDTHS = 500, 250, 500, 250  # as many weights as are moved in one pass, twice alike


def fitted(strategy):
    """The weights of a network and their moments, after some steps."""
    random = np.random.default_rng(0)
    x, y = (random.normal(size=(12, width)) for width in (WIDTHS[0], WIDTHS[-1]))
    with strategy.scope() if strategy else nullcontext():
        layers = [keras.layers.Dense(width, use_bias=False) for width in WIDTHS[1:]]
        model = keras.Sequential([keras.Input(WIDTHS[:1]), *layers])
        for weight in model.weights:
            weight.assign(random.normal(size=weight.shape) / 20)
        model.compile(AdamW(0.01), "mse")
    model.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    optimizer = model.optimizer
    return [*model.weights, *optimizer._momentums, *optimizer._velocities]


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="strategies are TensorFlow's"
)
def test_each_weight_has_its_own_moments():
    """And another optimiser of this process has others: the function is the same."""
    alone = fitted(None)
    for _ in range(2):
        ours = fitted(tf.distribute.MirroredStrategy(["CPU:0"]))
        for one, other in zip(ours, alone, strict=True):
            np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-4, atol=1e-6)
