"""Paths of linear models against scikit-learn's fits, one strength at a time."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge

from tfreg.functional.linear_losses import Sigmoid, Softmax, Squared
from tfreg.functional.linear_path import linear_path

STRENGTHS = np.logspace(0, -5, 13)
RNG = np.random.default_rng(0)
ROWS, COLUMNS = 120, 7
X = RNG.normal(size=(ROWS, COLUMNS)) @ RNG.normal(size=(COLUMNS, COLUMNS))
CLASSES = np.argmax(X @ RNG.normal(size=(COLUMNS, 4)) + RNG.gumbel(size=(ROWS, 4)), 1)
HOT = np.eye(4)[CLASSES]
NUMBERS = X @ RNG.normal(size=(COLUMNS, 2)) + RNG.normal(100, 1, (ROWS, 2))
X += 3


def penalty(kernel, strength, ratio):
    sizes = ratio * np.abs(kernel).sum() + (1 - ratio) * (kernel**2).sum()
    return strength * sizes


def logistic(inverse_strength):
    return LogisticRegression(
        C=inverse_strength, solver="newton-cholesky", tol=1e-10, max_iter=1000
    )


def cross_entropy(kernel, intercept, hot=HOT):
    z = X @ kernel + intercept
    return np.mean(logsumexp(z, axis=1) - np.sum(z * hot, axis=1))


def squared_error(kernel, intercept):
    return np.mean((X @ kernel + intercept - NUMBERS) ** 2)


def test_l2_of_several_classes_meets_logistic_regression():
    path = linear_path(X, HOT, Softmax(), STRENGTHS, tolerance=1e-8)
    for place, strength in enumerate(STRENGTHS):
        peer = logistic(1 / (2 * ROWS * strength)).fit(X, CLASSES)
        best = cross_entropy(peer.coef_.T, peer.intercept_)
        best += penalty(peer.coef_.T, strength, 0)
        assert path.objectives[place] == pytest.approx(best, rel=1e-6)
        kernel, intercept = path.kernels[place], path.intercepts[place]
        own = cross_entropy(kernel, intercept) + penalty(kernel, strength, 0)
        assert own == pytest.approx(path.objectives[place], rel=1e-12)


def test_l2_of_two_classes_meets_logistic_regression():
    hot = np.eye(2)[(CLASSES > 1).astype(int)]
    path = linear_path(X, hot, Softmax(), STRENGTHS, tolerance=1e-9)
    for place, strength in enumerate(STRENGTHS):
        peer = logistic(1 / (ROWS * strength)).fit(X, CLASSES > 1)
        kernel = path.kernels[place]
        difference = kernel[:, 1] - kernel[:, 0]
        np.testing.assert_allclose(difference, peer.coef_[0], rtol=1e-3, atol=1e-4)


def test_l2_of_several_labels_is_a_fit_each():
    hot = HOT[:, :2]
    path = linear_path(X, hot, Sigmoid(), STRENGTHS, tolerance=1e-9)
    for label in range(2):
        for place, strength in enumerate(STRENGTHS):
            # The loss is a mean over labels.
            peer = logistic(1 / (4 * ROWS * strength)).fit(X, hot[:, label])
            np.testing.assert_allclose(
                path.kernels[place, :, label], peer.coef_[0], rtol=1e-3, atol=1e-4
            )


def test_l2_of_numbers_meets_ridge():
    path = linear_path(X, NUMBERS, Squared(), STRENGTHS)
    for place, strength in enumerate(STRENGTHS):
        peer = Ridge(alpha=2 * ROWS * strength).fit(X, NUMBERS)
        np.testing.assert_allclose(path.kernels[place], peer.coef_.T, atol=1e-5)
        np.testing.assert_allclose(path.intercepts[place], peer.intercept_, atol=1e-4)
        best = squared_error(peer.coef_.T, peer.intercept_)
        best += penalty(peer.coef_, strength, 0)
        assert path.objectives[place] == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("ratio", [1.0, 0.3])
def test_l1_of_numbers_meets_the_elastic_net(ratio):
    numbers = NUMBERS[:, :1]
    path = linear_path(X, numbers, Squared(), STRENGTHS, l1_ratio=ratio, tolerance=1e-7)
    for place, strength in enumerate(STRENGTHS):
        l1, l2 = strength * ratio / 2, strength * (1 - ratio)
        peer = ElasticNet(
            alpha=l1 + l2, l1_ratio=l1 / (l1 + l2), tol=1e-12, max_iter=10**6
        ).fit(X, numbers[:, 0])
        error = np.mean((peer.predict(X) - numbers[:, 0]) ** 2)
        best = error + penalty(peer.coef_, strength, ratio)
        assert path.objectives[place] == pytest.approx(best, rel=1e-6)
        kernel = path.kernels[place, :, 0]
        np.testing.assert_array_equal(kernel == 0, peer.coef_ == 0)


def test_l1_of_classes_meets_its_optimality_conditions():
    path = linear_path(X, HOT, Softmax(), STRENGTHS, l1_ratio=1.0, tolerance=1e-7)
    assert (path.kernels[0] == 0).mean() > 0.5
    for place, strength in enumerate(STRENGTHS):
        kernel, intercept = path.kernels[place], path.intercepts[place]
        z = X @ kernel + intercept
        p = np.exp(z - logsumexp(z, axis=1, keepdims=True))
        gradient = X.T @ (p - HOT) / ROWS
        moved = kernel != 0
        at_kink = gradient + strength * np.sign(kernel)
        np.testing.assert_allclose(at_kink[moved], 0, atol=1e-5)
        assert np.abs(gradient[~moved]).max(initial=0) <= strength + 1e-5
        np.testing.assert_allclose((p - HOT).mean(0), 0, atol=1e-6)


def test_the_order_of_strengths_and_their_number_do_not_matter():
    path = linear_path(X, HOT, Softmax(), STRENGTHS, tolerance=1e-9)
    turned = linear_path(X, HOT, Softmax(), STRENGTHS[::-1], tolerance=1e-9)
    alone = linear_path(X, HOT, Softmax(), STRENGTHS[4:5], tolerance=1e-9)
    np.testing.assert_allclose(turned.kernels[::-1], path.kernels, atol=1e-4)
    np.testing.assert_allclose(alone.kernels[0], path.kernels[4], atol=1e-4)


def test_it_stops_at_the_stated_gradient():
    for tolerance in (1e-3, 1e-6):
        path = linear_path(X, HOT, Softmax(), STRENGTHS, tolerance=tolerance)
        assert path.gradients.max() <= tolerance


def test_interpolation_saves_steps():
    many = linear_path(X, HOT, Softmax(), np.logspace(0, -5, 96))
    few = linear_path(X, HOT, Softmax(), np.logspace(0, -5, 6))
    assert many.steps.mean() < 0.5 * few.steps.mean()


@pytest.mark.parametrize("loss", [Softmax(), Sigmoid()])
def test_a_class_that_no_row_has(loss):
    hot = np.concatenate([HOT, np.zeros((ROWS, 1))], axis=1)
    path = linear_path(X, hot, loss, STRENGTHS)
    assert np.isfinite(path.kernels).all()
    assert (path.intercepts[:, -1] < path.intercepts[:, :-1].min(axis=1)).all()


def test_more_columns_than_rows_and_columns_that_are_alike():
    x = np.repeat(X[:20], 5, axis=1)
    path = linear_path(x, NUMBERS[:20], Squared(), STRENGTHS)
    peer = Ridge(alpha=2 * 20 * STRENGTHS[6], solver="svd").fit(x, NUMBERS[:20])
    np.testing.assert_allclose(path.kernels[6], peer.coef_.T, atol=1e-4)


def test_large_problems_go_in_chunks(monkeypatch):
    whole = linear_path(X, HOT, Softmax(), STRENGTHS, tolerance=1e-9)
    monkeypatch.setattr("tfreg.functional.linear_path._LARGEST", 2 * HOT.size)
    parts = linear_path(X, HOT, Softmax(), STRENGTHS, tolerance=1e-9)
    np.testing.assert_allclose(parts.kernels, whole.kernels, atol=1e-4)
