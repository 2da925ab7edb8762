from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.objectives.stepping import (
    TASKS,
    Cut,
    assert_same,
    batch,
    build,
    losses,
    mean,
    oracle,
    step,
)
from tfreg.models.passes import ModelPasses
from tfreg.objectives import FreeLB

NOISE = np.random.default_rng(5).uniform(-1, 1, (4, 8, 16)).astype("float32")


@pytest.fixture
def noise(monkeypatch):
    """The same noise in every draw, which must be of the range asked for."""

    def uniform(shape, low, high, seed):
        assert (low, high) == (-1.0, 1.0)
        return tf.constant(NOISE)

    monkeypatch.setattr(keras.random, "uniform", uniform)


@pytest.mark.parametrize("epsilon, steps", [(0.4, 3), (0.05, 2)])
@pytest.mark.parametrize("task", TASKS)
def test_algorithm_1(task, epsilon, steps, noise):
    """The accumulated gradients of the paper, each taken by itself."""
    alpha = 0.1
    model = build(task, FreeLB(epsilon, alpha, steps))
    x, y, w = batch(task)
    cut = Cut(model)
    real = np.asarray(x["padding_mask"])[:, :, None]
    numbers = 16 * real.sum(axis=(1, 2), keepdims=True)
    delta = epsilon / np.sqrt(numbers) * NOISE * real
    total, sums = 0.0, [0.0] * len(model.trainable_variables)
    for _ in range(steps):
        variable = tf.Variable(delta, dtype=tf.float32)

        def loss():
            logits = cut.logits(cut.embeddings(x) + variable, x)
            return mean(task, y, losses(task, y, logits), w)

        value, gradients = oracle(model, loss)
        total += value / steps
        sums = [s + g / steps for s, g in zip(sums, gradients)]
        with tf.GradientTape() as tape:
            value = loss()
        slope = tape.gradient(value, variable).numpy()
        size = np.sqrt(np.square(slope).sum(axis=(1, 2), keepdims=True))
        step_ = np.divide(slope, size, out=0 * slope, where=size > 0)
        delta = delta + alpha * step_
        size = np.sqrt(np.square(delta).sum(axis=(1, 2), keepdims=True))
        delta = np.where(size > epsilon, delta * epsilon / size, delta)
        assert np.sqrt(np.square(delta).sum(axis=(1, 2))).max() < epsilon + 1e-6
    assert_same(model, step(model, x, y, w), (total, sums), atol=3e-5)


def test_the_noise_it_draws():
    """Uniform, on real pieces only, and another in each step."""
    x, y, w = batch(rows=64)
    model = build("classify", FreeLB(0.4, steps=1))
    seen = []
    for _ in range(2):
        logits = model(x, training=True)
        passes = ModelPasses(model, x, y, logits, w)
        moved = passes.moved
        passes.moved = lambda delta: seen.append(np.asarray(delta)) or moved(delta)
        FreeLB(0.4, steps=1)(passes)
    one, other = seen
    real = np.asarray(x["padding_mask"]) > 0
    assert not one[~real].any() and not (one == other)[real].any()
    scaled = one / (0.4 / np.sqrt(16 * real.sum(axis=1)))[:, None, None]
    assert 0.99 < np.abs(scaled).max() <= 1.0
    assert np.square(scaled[real]).mean() == pytest.approx(1 / 3, abs=0.02)


def test_off_it_is_plain():
    x, y, w = batch()
    model = build("classify", FreeLB(0.0))
    assert model.objectives == ()
    assert_same(model, step(model, x, y, w), step(build(), x, y, w), atol=0)
