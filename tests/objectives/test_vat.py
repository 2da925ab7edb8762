from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.objectives.stepping import (
    TASKS,
    Cut,
    batch,
    build,
    divergence,
    losses,
    mean,
    oracle,
    step,
)
from tfreg._checks import InputError
from tfreg.models.passes import ModelPasses
from tfreg.objectives import VAT

NOISE = np.random.default_rng(5).normal(size=(4, 8, 16)).astype("float32")
# Large enough for the oracle, which sums KLs by their definition.
LARGE = {"epsilon": 0.02, "step_size": 0.03, "noise": 0.01}


@pytest.fixture
def noise(monkeypatch):
    monkeypatch.setattr(keras.random, "normal", lambda shape, seed: tf.constant(NOISE))


def worst(model, cut, x, y, w, steps):
    """δ, by the paper's algorithm."""
    task = model.task
    embeddings = cut.embeddings(x)
    clean = cut.logits(embeddings, x)
    delta = 0.01 * NOISE
    for _ in range(steps):
        variable = tf.Variable(delta)
        with tf.GradientTape() as tape:
            moved = cut.logits(embeddings + variable, x)
            apart = mean(task, y, divergence(task, moved, clean), w)
        slope = tape.gradient(apart, variable).numpy()
        size = np.abs(slope).max(axis=(1, 2), keepdims=True)
        delta = delta + 0.03 * np.divide(slope, size, out=0 * slope, where=size > 0)
        delta = np.clip(delta, -0.02, 0.02)
    return delta


@pytest.mark.parametrize("task, steps", [*((task, 1) for task in TASKS), ("tag", 3)])
def test_the_formula_with_its_gradient(task, steps, noise):
    weight = 50.0
    model = build(task, VAT(weight, steps=steps, **LARGE))
    x, y, w = batch(task)
    cut = Cut(model)
    delta = worst(model, cut, x, y, w, steps)

    def loss():
        embeddings = cut.embeddings(x)
        clean, moved = cut.logits(embeddings, x), cut.logits(embeddings + delta, x)
        apart = mean(task, y, divergence(task, moved, clean), w)
        return mean(task, y, losses(task, y, clean), w) + weight * apart

    expected = oracle(model, loss)
    plain = step(build(task), x, y, w)
    assert expected[0] - plain[0] > 0.01
    found = step(model, x, y, w)
    for one, other in zip(found[1], expected[1]):
        scale = 1 + np.abs(other).max()
        np.testing.assert_allclose(one / scale, other / scale, atol=2e-3)
    assert found[0] == pytest.approx(expected[0], rel=1e-3)


def test_no_other_change_of_that_size_is_worse(noise):
    """Not the maximum, which nobody knows, but above a hundred random corners."""
    model = build("classify", VAT(1.0, **LARGE))
    x, y, w = batch()
    cut = Cut(model)
    embeddings = cut.embeddings(x)
    clean = cut.logits(embeddings, x)

    def apart(delta):
        moved = cut.logits(embeddings + delta, x)
        return float(mean("classify", y, divergence("classify", moved, clean), w))

    random = np.random.default_rng(0)
    sizes = np.abs(worst(model, cut, x, y, w, 3))
    signs = random.choice([-1.0, 1.0], (100, 4, 8, 16)).astype("float32")
    assert apart(worst(model, cut, x, y, w, 3)) > max(apart(s * sizes) for s in signs)


def test_at_the_default_sizes_it_is_a_second_derivative():
    """KL both ways is δᵀFδ for small δ: a tenth of the size is a hundredth."""
    x, y, w = batch()
    found = []
    for size in (1.0, 0.1):
        fields = {"epsilon": 1e-3 * size, "step_size": 1e-3 * size, "noise": 1e-5}
        model = build("classify", VAT(1e4, **fields))
        found.append(step(model, x, y, w)[0] - step(build(), x, y, w)[0])
    assert found[0] > 0.01
    assert found[0] / found[1] == pytest.approx(100, rel=0.1)


def test_it_needs_no_labels():
    x, y, w = batch()
    model = build("classify", VAT(50.0, **LARGE))
    terms = []
    for labels in (y, (y + 1) % 3):
        model.noise.state.assign([1, 0])
        with_it = step(model, x, labels, w)[0]
        terms.append(with_it - step(build(), x, labels, w)[0])
    assert terms[0] == pytest.approx(terms[1], rel=1e-3)


def test_all_passes_have_the_same_masks():
    """With others, the term would be that of R-Drop, a million times as large."""
    x, y, w = batch()
    model = build("classify", VAT(1.0), dropout=0.5)
    logits = model(x, training=True)
    total = float(model.compute_loss(x, y, logits, w, training=True))
    passes = ModelPasses(model, x, y, logits, w)
    assert 0 <= float(VAT(1.0)(passes)) < 1e-4
    assert np.abs(passes.logits - logits).max() > 0.01  # masks of their own
    assert total > 0


@pytest.mark.parametrize("dtype, least", [("float16", 2**-10), ("bfloat16", 2**-7)])
def test_half_precision_loses_small_changes(dtype, least):
    one = keras.ops.cast(1.0, dtype)
    assert float(one + keras.ops.cast(least, dtype)) > 1.0
    assert float(one + keras.ops.cast(0.4 * least, dtype)) == 1.0
    mixed = f"mixed_{dtype}"
    message = rf"`epsilon` must be at least .* in {dtype}, which cannot tell less"
    with pytest.raises(InputError, match=message):
        build("classify", VAT(1.0, epsilon=0.5 * least), dtype=mixed)
    build("classify", VAT(1.0, epsilon=least), dtype=mixed)
