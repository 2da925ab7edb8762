from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import beta, kstest

from tests.objectives.stepping import (
    TASKS,
    Cut,
    assert_same,
    batch,
    build,
    losses,
    oracle,
    step,
)
from tfreg.models.passes import ModelPasses
from tfreg.objectives import Mixup
from tfreg.objectives.mixup import beta_quantiles

PARTNER = np.array([2, 0, 3, 1])
DRAWN = np.array([0.1, 0.9, 0.5, 0.3], "float32")


@pytest.fixture
def draws(monkeypatch):
    """Numbers whose order is PARTNER's, then those that λ is read at."""
    order = np.argsort(PARTNER).astype("float32") / 10
    turns = []

    def uniform(shape, seed):
        turns.append(seed)
        return tf.constant(order if len(turns) % 2 else DRAWN)

    monkeypatch.setattr(keras.random, "uniform", uniform)


@pytest.mark.parametrize("task", TASKS)
def test_the_formula_with_its_gradient(task, draws):
    model = build(task, Mixup(0.6))
    x, y, w = batch(task)
    cut = Cut(model)
    share = beta(0.6, 0.6).ppf((np.floor(DRAWN * 4096) + 0.5) / 4096)
    share = share.astype("float32")
    real = np.ones(4, "float32")
    if task == "tag":
        real = (np.asarray(y) >= 0).astype("float32")
        # A word without a partner is not mixed.
        share = np.where(real * real[PARTNER] > 0, share[:, None], 1.0)

    def loss():
        features = cut.features(cut.embeddings(x), x)
        other = tf.gather(features, PARTNER)
        mixed = share[..., None] * features + (1 - share)[..., None] * other
        logits = cut.head(mixed)
        w_own = np.asarray(w)[:, None] if task == "tag" else np.asarray(w)
        own = w_own * losses(task, y, logits)
        theirs = w_own[PARTNER] * losses(task, tf.gather(y, PARTNER), logits)
        values = share * own + (1 - share) * theirs
        return tf.reduce_sum(values * real) / real.sum()

    assert_same(model, step(model, x, y, w), oracle(model, loss), atol=1e-5)


def test_mixed_targets_are_the_same_to_the_gradient():
    """The squared error of two targets is that of the mixed one, and a constant."""
    guess, share = np.linspace(-2, 2, 9), 0.3
    both = share * (1.0 - guess) ** 2 + (1 - share) * (-0.5 - guess) ** 2
    mixed = (share * 1.0 + (1 - share) * -0.5 - guess) ** 2
    np.testing.assert_allclose(both - mixed, share * (1 - share) * 1.5**2)


@pytest.mark.parametrize("alpha", [0.05, 0.4, 1.0, 8.0])
def test_quantiles_are_draws(alpha):
    table = beta_quantiles(alpha)
    drawn = np.random.default_rng(0).choice(table.astype("float64"), 2000)
    assert kstest(drawn, beta(alpha, alpha).cdf).pvalue > 0.01 or alpha < 0.1
    assert table.mean() == pytest.approx(0.5, abs=1e-5)
    assert table.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.01)
    assert (np.diff(table) >= 0).all() and 0 <= table[0] and table[-1] <= 1


def test_partners_are_a_permutation_and_change(monkeypatch):
    seen = []
    mixed = ModelPasses.mixed

    def spy(self, partner, share):
        seen.append((np.asarray(partner), np.asarray(share)))
        return mixed(self, partner, share)

    monkeypatch.setattr(ModelPasses, "mixed", spy)
    model = build("classify", Mixup(1.0))
    x, y, w = batch(rows=12)
    for _ in range(3):
        step(model, x, y, w, graph=False)
    for partner, share in seen:
        assert sorted(partner) == list(range(12))
        assert len(set(share)) == 12 and (0 < share).all() and (share < 1).all()
    assert any((seen[0][0] != other[0]).any() for other in seen[1:])


def test_scores_are_of_the_texts_themselves():
    x, y, _ = batch()
    model = build("classify", Mixup(8.0), compiled={"run_eagerly": True})
    expected = build(compiled={"run_eagerly": True}).evaluate(x, y, verbose=0)
    logs = model.train_on_batch(x, y, return_dict=True)
    assert logs["cross_entropy"] == pytest.approx(expected[0], abs=1e-5)
    assert logs["loss"] != pytest.approx(expected[0], abs=1e-3)
