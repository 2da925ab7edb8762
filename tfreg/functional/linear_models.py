"""Many linear models on the same rows, which differ in the strengths of a penalty."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from tfreg.functional.linear_losses import LinearLoss


class Problem(NamedTuple):
    """What all models share, and what each has of its own.

    Args:
        features: (rows, columns).
        targets: (rows, outputs).
        loss: of logits and targets.
        strengths: λ of Σ λ·W² for each model and column, (columns, models, 1): 0 for
            the column of ones whose weights are the intercepts.
    """

    features: Any
    targets: Any
    loss: LinearLoss
    strengths: Any

    def of(self, kept: Any) -> Problem:
        """The problem of some of its models."""
        return self._replace(strengths=take(self.strengths, kept))

    def logits(self, weights: Any) -> Any:
        """(rows, models, outputs)."""
        return _product(self.features, weights)

    def gradient(self, slopes: Any) -> Any:
        """Of the loss at the weights, from its slopes at the logits."""
        return _product(ops.transpose(self.features), slopes)


class Minima:
    """Where models ended; those that are done leave the others.

    Args:
        start: first weights, (columns, models, outputs).

    Attributes:
        weights: (columns, models, outputs).
        objectives: loss and penalty of each, (models,).
        gradients: norm of the gradient each stopped at, (models,).
        steps: each took, (models,).
    """

    def __init__(self, start: Any) -> None:
        models = start.shape[1]
        self.weights = np.array(start)
        self.objectives = np.zeros(models)
        self.gradients = np.zeros(models)
        self.steps = np.zeros(models, int)
        self._active = np.arange(models)

    def take(
        self, done: np.ndarray, weights: Any, objective: Any, norms: Any, step: int
    ) -> np.ndarray | None:
        """Take in models that are done; the places of the others, if they are to move.

        Arrays are copied when models leave, so that not every single one does.
        """
        if not done.all() and 3 * done.sum() < len(done):
            return None
        left = self._active[done]
        self.weights[:, left] = ops.convert_to_numpy(weights)[:, done]
        self.objectives[left] = flat(objective)[done]
        self.gradients[left] = norms[done]
        self.steps[left] = step
        kept = np.flatnonzero(~done)
        self._active = self._active[kept]
        return kept


def take(values: Any, kept: Any) -> Any:
    """Arrays of some of the models, whose axis is the middle one."""
    return keras.tree.map_structure(lambda x: ops.take(x, kept, axis=1), values)


def dot(a: Any, b: Any) -> Any:
    """Each model's own product: (1, models, 1)."""
    return ops.sum(a * b, axis=(0, 2), keepdims=True)


def norm(values: Any) -> Any:
    """Each model's own Euclidean norm: (1, models, 1)."""
    return ops.sqrt(dot(values, values))


def flat(values: Any) -> np.ndarray:
    """(models,), from (1, models, 1)."""
    return np.array(ops.convert_to_numpy(values)).reshape(-1)


def _product(matrix: Any, values: Any) -> Any:
    """(a, b) times (b, models, outputs)."""
    rows, models, outputs = ops.shape(values)
    product = ops.matmul(matrix, ops.reshape(values, (rows, models * outputs)))
    return ops.reshape(product, (-1, models, outputs))
