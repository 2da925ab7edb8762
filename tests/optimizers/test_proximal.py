"""Proximal steps end where the lasso says, with exact zeros."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from sklearn.linear_model import Lasso

from tests.backbones import tiny
from tests.models.conftest import sgd
from tfreg._checks import InputError
from tfreg.models import TextClassifier
from tfreg.optimizers import SGD, AdamW
from tfreg.optimizers.proximal import proximal_strength
from tfreg.recipe import Recipe
from tfreg.regularizers import (
    L2,
    GroupLasso,
    Multiple,
    ProximalGroupLasso,
    ProximalL1,
    Sum,
)

STRENGTH = 0.3


@pytest.fixture(scope="module")
def data():
    random = np.random.default_rng(0)
    x = random.normal(size=(60, 12)).astype("float32")
    truth = np.where(np.arange(12) < 4, random.normal(size=12) * 2, 0)
    return x, (x @ truth + 0.3 * random.normal(size=60)).astype("float32")


def head(optimizer, penalty):
    layer = keras.layers.Dense(
        1, use_bias=False, kernel_initializer="zeros", kernel_regularizer=penalty
    )
    model = keras.Sequential([keras.Input((12,)), layer])
    model.compile(optimizer, "mse")
    return model


@pytest.mark.parametrize("jit", [False, True])
def test_full_batch_sgd_meets_the_conditions_of_the_lasso(data, jit):
    x, y = data
    model = head(SGD(0.1), ProximalL1(STRENGTH))
    model.jit_compile = jit
    for _ in range(400):
        model.train_on_batch(x, y)
    w = model.layers[0].kernel.numpy()[:, 0].astype("float64")
    # 1/n·‖y − Xw‖² + λ‖w‖₁: |∇_i| ≤ λ where w is 0, and −λ·sign(w) elsewhere.
    slope = 2 / 60 * x.T.astype("float64") @ (x @ w - y)
    np.testing.assert_allclose(slope[w != 0], -STRENGTH * np.sign(w[w != 0]), atol=1e-4)
    assert np.abs(slope[w == 0]).max() <= STRENGTH + 1e-4
    theirs = Lasso(alpha=STRENGTH / 2, fit_intercept=False, tol=1e-10).fit(x, y)
    np.testing.assert_array_equal(w == 0, theirs.coef_ == 0)
    np.testing.assert_allclose(w, theirs.coef_, atol=1e-4)
    assert 3 <= (w == 0).sum() <= 10


def test_the_threshold_under_adam(data):
    """One step from the definition, in NumPy."""
    x, y = data
    start = np.linspace(-0.02, 0.02, 12, dtype="float32")
    weights = {}
    for name, penalty in (("plain", None), ("ours", ProximalL1(STRENGTH))):
        model = head(AdamW(0.01, weight_decay=0.0), penalty)
        model.layers[0].kernel.assign(start[:, None])
        for _ in range(3):
            model.train_on_batch(x, y)
        weights[name] = model.layers[0].kernel.numpy()[:, 0]
    assert (weights["plain"] == 0).sum() == 0
    w, m, v = start.astype("float64"), np.zeros(12), np.zeros(12)
    for step in (1, 2, 3):
        gradient = 2 / 60 * x.T.astype("float64") @ (x @ w - y)
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        root = (np.sqrt(v) + 1e-8) / np.sqrt(1 - 0.999**step)
        w = w - 0.01 * m / (1 - 0.9**step) / root
        w = np.sign(w) * np.maximum(np.abs(w) - 0.01 * STRENGTH / root, 0)
    np.testing.assert_allclose(weights["ours"], w, atol=1e-6)


def test_strengths_in_sums_and_alone(data):
    x, y = data
    both = head(SGD(0.1), Sum([ProximalL1(5.0), L2(0.1)]))
    both.fit(x, y, batch_size=60, epochs=20, verbose=0)
    assert not np.any(both.layers[0].kernel)
    untouched = head(SGD(0.1), None)
    plain = head(keras.optimizers.SGD(0.1), None)
    for model in (untouched, plain):
        model.fit(x, y, batch_size=60, epochs=3, shuffle=False, verbose=0)
    np.testing.assert_array_equal(untouched.layers[0].kernel, plain.layers[0].kernel)


def test_others_penalties_have_factors_too(data):
    """Keras's is a tensor, which a traced step cannot ask for its truth."""
    x, y = data
    rule = keras.regularizers.OrthogonalRegularizer(0.01, mode="columns")
    model = head(SGD(0.1), rule)
    model.fit(x, y, batch_size=60, verbose=0)
    assert proximal_strength(rule) == 0
    assert proximal_strength(Multiple(Sum([ProximalL1(2.0), rule]), 3.0)) == 6.0


def task(optimizer=None, **fields):
    keras.utils.set_random_seed(0)
    model = TextClassifier(
        tiny(), labels=("a", "b"), recipe=Recipe(dropout=0.0, **fields)
    )
    model.compile(optimizer)
    return model


@pytest.mark.parametrize("groups", ["heads", "neurons"])
def test_groups_shrink_by_their_norm(groups, ids):
    x, y = ids
    rate = 0.1
    plain, ours = (
        task(SGD(rate), backbone_regularizer=rule)
        for rule in (None, ProximalGroupLasso(0.4, groups))
    )
    for mine, other in zip(ours.trainable_variables, plain.trainable_variables):
        mine.assign(other)
    for model in (plain, ours):
        model.train_on_batch(x, y)
    bound = GroupLasso(0.4, groups).bound_to(
        {v.path: v for v in plain.backbone.trainable_variables}
    )
    norms = bound.norms().numpy()
    size = {"heads": 4 * 32 * 16, "neurons": 2 * 32}[groups]
    factors = np.maximum(1 - rate * 0.4 * np.sqrt(size) / norms, 0)
    (own,) = ours.set_penalties.values()
    np.testing.assert_allclose(own.norms(), norms * factors, rtol=1e-4, atol=1e-6)
    kept = {v.path for v in ours.trainable_variables} - set(own.weights)
    weights = {v.path: v for v in plain.trainable_variables}
    for variable in ours.trainable_variables:
        if variable.path in kept:
            np.testing.assert_allclose(variable, weights[variable.path], atol=1e-7)


def test_groups_become_exactly_empty_and_stay_so_in_a_file(tmp_path, ids):
    x, y = ids
    model = task(backbone_regularizer=ProximalGroupLasso(50.0, "neurons"))
    for _ in range(60):
        model.train_on_batch(x, y)
    (own,) = model.set_penalties.values()
    assert np.array_equal(own.norms(), np.zeros(128))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    again.train_on_batch(x, y)
    assert np.array_equal(next(iter(again.set_penalties.values())).norms(), own.norms())


@pytest.mark.parametrize(
    "fields",
    [
        {"kernel_regularizer": ProximalL1(0.1)},
        {"backbone_regularizer": [L2(0.1), ProximalL1(0.1)]},
        {"backbone_regularizer": ProximalGroupLasso()},
    ],
)
def test_an_optimiser_without_the_step_is_refused(fields):
    with pytest.raises(InputError, match="take one of tfreg.optimizers"):
        task(sgd(), **fields)
    task(**fields)


def test_loss_scaling(ids):
    x, y = ids
    model = task(kernel_regularizer=ProximalL1(100.0), precision="float16")
    for _ in range(40):
        model.train_on_batch(x, y)
    assert not np.any(model.logits.kernel)


def test_saved():
    for optimizer in (SGD(0.2), AdamW(0.2)):
        config = keras.optimizers.serialize(optimizer)
        again = keras.optimizers.deserialize(config)
        assert type(again) is type(optimizer)
        assert again.get_config() == optimizer.get_config()
