"""Linear models along a path of strengths, all in one go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from tfreg import _compat
from tfreg.functional.fista import minimise_l1
from tfreg.functional.lbfgs import minimise_l2
from tfreg.functional.linear_losses import LinearLoss, Squared
from tfreg.functional.linear_models import Minima, Problem
from tfreg.functional.refinement import refine

_FLAT = 1e-12  # the least variance of a direction, over the largest
_LARGEST = 2**24  # logits computed at once


class LinearPath(NamedTuple):
    """Linear models, in the order of the strengths asked for.

    Args:
        kernels: (strengths, columns, outputs).
        intercepts: (strengths, outputs).
        objectives: loss and penalty, (strengths,).
        gradients: the norms they stopped at, (strengths,).
        steps: of the solver, (strengths,).
    """

    kernels: np.ndarray
    intercepts: np.ndarray
    objectives: np.ndarray
    gradients: np.ndarray
    steps: np.ndarray


class _Design(NamedTuple):
    """Centred features and a column of ones, with their covariance taken apart."""

    rows: np.ndarray
    targets: np.ndarray
    values: np.ndarray
    vectors: np.ndarray
    left: float = 0.0  # of the loss, that these rows do not show


def linear_path(
    features: Any,
    targets: Any,
    loss: LinearLoss,
    strengths: Any,
    *,
    l1_ratio: float = 0.0,
    tolerance: float = 1e-6,
) -> LinearPath:
    """argmin of loss(XW + b) + λ·(ρ·Σ|W| + (1 − ρ)·ΣW²) for many λ; b is free.

    A coarse grid of strengths comes first; between its solutions those of the next,
    twice as fine, are interpolated, and need few steps or none. Without an L1 part
    (ρ = 0) the columns are rotated to where they are uncorrelated. Of squared errors
    all that rows say is in a square matrix as wide as they.

    Args:
        features: X, (rows, columns).
        targets: (rows, outputs), as the loss takes them.
        loss: one of `linear_losses`.
        strengths: λ, above 0, in any order.
        l1_ratio: ρ in [0, 1].
        tolerance: Euclidean norm of the gradient, with X centred, at which a model is
            done; with an L1 part that of the gradient mapping.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(50, 3))
        >>> path = linear_path(x, x[:, :1] - 2 * x[:, 2:], Squared(), [10.0, 1e-9])
        >>> np.abs(path.kernels[1, :, 0]).round(3).tolist()
        [1.0, 0.0, 2.0]
    """
    strengths = np.asarray(strengths, "float64")
    centre = np.mean(features, axis=0, dtype="float64")
    design = _design(features - centre, targets)
    start = np.zeros((len(design.values), design.targets.shape[1]))
    start[-1] = loss.intercepts(design.targets)
    curvature = loss.curvature(design.targets)
    if isinstance(loss, Squared) and len(design.rows) > len(design.values):
        design = _square(design)
    if l1_ratio:
        basis, scales = np.eye(len(start)), design.vectors**2 @ design.values
    else:
        basis, scales = design.vectors, design.values
    solve = _solver(design, loss, basis, curvature * scales, l1_ratio, tolerance)
    chunk = max(_LARGEST // design.targets.size, 1)
    found = refine(np.log(strengths), solve, start, chunk, smooth=not l1_ratio)
    weights = np.moveaxis(np.tensordot(basis, found.weights, 1), 1, 0)
    kernels = weights[:, :-1]
    return LinearPath(
        kernels,
        weights[:, -1] - centre @ kernels,
        found.objectives + design.left,
        found.gradients,
        found.steps,
    )


def _design(centred: Any, targets: Any) -> _Design:
    x = np.asarray(centred, "float64")
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    values = np.append(np.maximum(values, _FLAT * values[-1]), 1.0)
    vectors = np.pad(vectors, (0, 1))
    vectors[-1, -1] = 1.0
    rows = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    return _Design(rows, np.asarray(targets, "float64"), values, vectors)


def _square(design: _Design) -> _Design:
    """Other rows, as many as columns, with the same mean of squared errors.

    With X = UΣVᵀ, ‖Xw − t‖² = ‖ΣVᵀw − Uᵀt‖² + ‖t‖² − ‖Uᵀt‖².
    """
    rows, targets, values, vectors, _ = design
    sizes = np.sqrt(values)
    told = vectors.T @ (rows.T @ targets / len(rows)) / sizes[:, None]
    left = np.mean(targets**2) - np.sum(told**2) / targets.shape[1]
    scale = np.sqrt(len(values))  # a mean over fewer rows
    squared = scale * sizes[:, None] * vectors.T
    return _Design(squared, scale * told, values, vectors, left)


def _solver(
    design: _Design,
    loss: LinearLoss,
    basis: np.ndarray,
    curvature: np.ndarray,
    l1_ratio: float,
    tolerance: float,
) -> Callable[[np.ndarray, np.ndarray], Minima]:
    """What solves for some strengths, given by their logarithms, from some weights."""

    def tensor(values: Any) -> Any:
        return ops.convert_to_tensor(values, _compat.widest_float())

    rows, targets = tensor(design.rows @ basis), tensor(design.targets)
    scales = tensor(curvature[:, None, None])
    penalised = np.ones((len(curvature), 1, 1))
    penalised[-1] = 0.0  # the intercepts are not

    def solve(logs: np.ndarray, start: np.ndarray) -> Minima:
        each = penalised * np.exp(logs)[:, None]
        problem = Problem(rows, targets, loss, tensor((1.0 - l1_ratio) * each))
        begin = tensor(start)
        if not l1_ratio:
            return minimise_l2(problem, begin, scales, tolerance=tolerance)
        l1 = tensor(l1_ratio * each)
        return minimise_l1(problem, l1, begin, scales, tolerance=tolerance)

    return solve
