"""Losses of many linear models at once: one value for each, and slopes at the logits.

Logits have shape (rows, models, outputs): models that differ in a strength share their
rows, and are fitted together. Targets have shape (rows, outputs).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from keras import ops


class LinearLoss(ABC):
    """A convex loss, as a mean over rows."""

    @abstractmethod
    def __call__(self, logits: Any, targets: Any) -> tuple[Any, Any]:
        """The loss of every model (1, models, 1), and its slopes at the logits."""

    @abstractmethod
    def intercepts(self, targets: Any) -> Any:
        """(outputs,): the best logits that are the same for all rows."""

    @abstractmethod
    def curvature(self, targets: Any) -> float:
        """Its second derivative there, as a mean over outputs."""


class Softmax(LinearLoss):
    """Cross-entropy over classes: −mean_r Σ_c t_rc·log softmax(z_r)_c.

    Example:
        >>> loss, slopes = Softmax()(np.zeros((1, 1, 2)), np.array([[1.0, 0.0]]))
        >>> round(float(loss[0, 0, 0]), 4), slopes.numpy().tolist()
        (0.6931, [[[-0.5, 0.5]]])
    """

    def __call__(self, logits: Any, targets: Any) -> tuple[Any, Any]:
        targets = ops.expand_dims(targets, 1)
        shifted = logits - ops.max(logits, axis=-1, keepdims=True)
        powers = ops.exp(shifted)
        total = ops.sum(powers, axis=-1, keepdims=True)
        losses = ops.log(total) - ops.sum(shifted * targets, axis=-1, keepdims=True)
        slopes = (powers / total - targets) / _size(logits, 0)
        return ops.mean(losses, axis=0, keepdims=True), slopes

    def intercepts(self, targets: Any) -> Any:
        # A class no row has would have −∞.
        return np.log(np.maximum(np.mean(targets, axis=0), 1 / (10 * len(targets))))

    def curvature(self, targets: Any) -> float:
        powers = np.exp(self.intercepts(targets))
        share = powers / np.sum(powers)
        return float(np.mean(share * (1 - share)))


class Sigmoid(LinearLoss):
    """Binary cross-entropy, as a mean over rows and outputs.

    Example:
        >>> loss, slopes = Sigmoid()(np.zeros((1, 1, 1)), np.array([[1.0]]))
        >>> round(float(loss[0, 0, 0]), 4), slopes.numpy().tolist()
        (0.6931, [[[-0.5]]])
    """

    def __call__(self, logits: Any, targets: Any) -> tuple[Any, Any]:
        targets = ops.expand_dims(targets, 1)
        losses = ops.softplus(logits) - logits * targets
        slopes = (ops.sigmoid(logits) - targets) / _size(logits, 0, 2)
        return ops.mean(losses, axis=(0, 2), keepdims=True), slopes

    def intercepts(self, targets: Any) -> Any:
        least = 1 / (10 * len(targets))  # a label that all rows have, or none
        share = np.clip(np.mean(targets, axis=0), least, 1 - least)
        return np.log(share / (1 - share))

    def curvature(self, targets: Any) -> float:
        share = 1 / (1 + np.exp(-self.intercepts(targets)))
        return float(np.mean(share * (1 - share))) / len(share)


class Squared(LinearLoss):
    """Squared error, as a mean over rows and outputs.

    Example:
        >>> loss, slopes = Squared()(np.ones((1, 1, 1)), np.array([[3.0]]))
        >>> float(loss[0, 0, 0]), slopes.numpy().tolist()
        (4.0, [[[-4.0]]])
    """

    def __call__(self, logits: Any, targets: Any) -> tuple[Any, Any]:
        far = logits - ops.expand_dims(targets, 1)
        slopes = 2.0 * far / _size(logits, 0, 2)
        return ops.mean(far * far, axis=(0, 2), keepdims=True), slopes

    def intercepts(self, targets: Any) -> Any:
        return np.mean(targets, axis=0)

    def curvature(self, targets: Any) -> float:
        return 2.0 / np.shape(targets)[1]


def _size(values: Any, *axes: int) -> Any:
    """How many entries there are along some axes, in the dtype of the values."""
    sizes = [ops.cast(ops.shape(values)[axis], values.dtype) for axis in axes]
    return sizes[0] if len(sizes) == 1 else sizes[0] * sizes[1]
