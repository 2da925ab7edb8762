"""Peers of a path of strengths, and the objective all of them minimise."""

from __future__ import annotations

import tempfile
import time
from typing import Any

import keras
import keras_tuner
import numpy as np
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression, enet_path


def objective(
    x: Any, ids: Any, kernel: Any, bias: Any, strength: float, l1_ratio: float
) -> float:
    """Mean cross-entropy and λ·(ρ·Σ|W| + (1 − ρ)·ΣW²)."""
    z = x @ kernel + bias
    losses = logsumexp(z, axis=1) - z[np.arange(len(z)), ids]
    penalty = l1_ratio * np.abs(kernel).sum() + (1 - l1_ratio) * (kernel**2).sum()
    return float(losses.mean() + strength * penalty)


def logistic(
    x: Any, ids: Any, strength: float, l1_ratio: float, tolerance: float
) -> tuple[Any, Any]:
    """Kernel and bias of scikit-learn's fit, by its solver for that penalty.

    It multiplies the summed loss by C, halves ΣW², and has one column for two classes:
    as two columns of half of it each, its squares add up to half, and Σ|W| to itself.
    """
    two = ids.max() == 1
    scale = 1 if l1_ratio or two else 2
    peer = LogisticRegression(
        C=1 / (scale * len(x) * strength),
        l1_ratio=l1_ratio,
        solver="saga" if l1_ratio else "lbfgs",
        tol=tolerance,
        max_iter=1000 if l1_ratio else 100_000,
        random_state=0,
    ).fit(x, ids)
    kernel, bias = peer.coef_.T, peer.intercept_
    if two:
        kernel = np.concatenate([-kernel, kernel], axis=1) / 2
        bias = np.concatenate([-bias, bias]) / 2
    return kernel, bias


def squared_path(
    x: Any, y: Any, strengths: Any, l1_ratio: float, tolerance: float
) -> np.ndarray:
    """Mean squared error and penalty along scikit-learn's path.

    It halves the error and ΣW²: α·r = λ·ρ/2 and α·(1 − r) = λ·(1 − ρ).
    """
    factor = l1_ratio / 2 + 1 - l1_ratio
    x, y = np.asfortranarray(x - x.mean(0)), y - y.mean()
    _, kernels, _ = enet_path(
        x, y, l1_ratio=l1_ratio / 2 / factor, alphas=strengths * factor,
        tol=tolerance, max_iter=100_000,
    )  # fmt: skip
    errors = np.mean((x @ kernels - y[:, None]) ** 2, axis=0)
    penalties = l1_ratio * np.abs(kernels).sum(0)
    penalties += (1 - l1_ratio) * (kernels**2).sum(0)
    return errors + strengths * penalties


def grid_search(x: Any, ids: Any, strengths: list[float], epochs: int) -> float:
    """Seconds of KerasTuner's grid search over heads."""

    def make(hp: Any) -> Any:
        penalty = keras.regularizers.L2(hp.Choice("l2", strengths))
        head = keras.layers.Dense(int(ids.max()) + 1, kernel_regularizer=penalty)
        model = keras.Sequential([keras.Input((x.shape[1],)), head])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(1e-2), loss, metrics=["accuracy"])
        return model

    cut = len(x) * 4 // 5
    train, dev = (x[:cut], ids[:cut]), (x[cut:], ids[cut:])
    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.GridSearch(make, "val_accuracy", directory=folder)
        began = time.perf_counter()
        tuner.search(*train, validation_data=dev, epochs=epochs, verbose=0)
        return time.perf_counter() - began
