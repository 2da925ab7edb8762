"""Many linear models with an L1 or elastic-net penalty, minimised together."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from keras import ops

from tfreg import _compat
from tfreg.functional.linear_models import Minima, Problem, dot, flat, norm, take
from tfreg.functional.proximal import soft_threshold

_GROWTH, _SHRINKAGE = 2.0, 0.98  # of the bound on the curvature


class _State(NamedTuple):
    """All arrays have the axis of models in the middle."""

    weights: Any
    logits: Any  # at the weights
    ahead: Any  # the point a step is taken from
    logits_ahead: Any
    momentum: Any
    bound: Any  # on the loss's curvature over that of the metric


def minimise_l1(
    problem: Problem,
    l1: Any,
    start: Any,
    metric: Any,
    *,
    tolerance: float = 1e-6,
    max_steps: int = 20_000,
) -> Minima:
    """argmin over W of loss(XW) + Σ λ·W² + Σ μ·|W|, with exact zeros, for every model.

    FISTA in a diagonal metric, with a bound on the curvature that is found while it
    goes, and its momentum dropped where it points uphill. Logits are linear in the
    weights, so those ahead cost no product.

    Args:
        problem: the models; its strengths are λ.
        l1: μ of each model and column, (columns, models, 1): 0 for intercepts.
        start: first weights, (columns, models, outputs).
        metric: scale of the loss's second derivatives, (columns, 1, 1), above 0.
        tolerance: Euclidean norm of the gradient mapping at which a model is done.
            (It is the gradient where nothing is penalised; where it is 0, the
            optimality conditions hold.)
        max_steps: after which a model stays where it is.

    Returns:
        The minima; `gradients` are norms of the gradient mapping.

    Beck & Teboulle (2009), "A fast iterative shrinkage-thresholding algorithm",
    equations 4.1-4.3 with backtracking; O'Donoghue & Candès (2015), "Adaptive restart
    for accelerated gradient schemes", equation 13.
    """
    found = Minima(start)
    first = ops.convert_to_tensor(start)
    logits, ones = problem.logits(first), ops.ones_like(l1[:1])
    state = _State(first, logits, first, logits, ones, ones)
    for number in range(1, max_steps + 1):
        state, objective, norms = _step(problem, l1, state, metric)
        lengths = flat(norms)
        done = (lengths <= tolerance) | (number == max_steps)
        kept = found.take(done, state.weights, objective, lengths, number)
        if kept is not None:
            if not len(kept):
                break
            state, problem = take(state, kept), problem.of(kept)
            l1 = take(l1, kept)
    return found


@_compat.traced
def _step(problem: Problem, l1: Any, state: _State, metric: Any) -> Any:
    """One step of every model; where each arrived, and the gradient mapping's norm.

    A model whose bound turns out too low stays where it is, and gets a higher one.
    """
    l2 = problem.strengths
    loss, slopes = problem.loss(state.logits_ahead, problem.targets)
    gradient = problem.gradient(slopes)
    scale = state.bound * metric
    free = state.ahead - gradient / scale
    weights = soft_threshold(free, l1 / scale) / (1.0 + 2.0 * l2 / scale)
    logits = problem.logits(weights)
    move = weights - state.ahead
    arrived, _ = problem.loss(logits, problem.targets)
    above = arrived - loss - dot(gradient, move)
    fits = above <= 0.5 * dot(move, scale * move) + 1e-14 * ops.abs(loss)
    gain = weights - state.weights
    uphill = dot(scale * move, gain) < 0
    momentum = (1.0 + ops.sqrt(1.0 + 4.0 * state.momentum**2)) / 2.0
    share = ops.where(uphill, 0.0, (state.momentum - 1.0) / momentum)
    following = _State(
        weights,
        logits,
        weights + share * gain,
        logits + share * (logits - state.logits),
        ops.where(uphill, 1.0, momentum),
        _SHRINKAGE * state.bound,
    )
    stayed = state._replace(bound=_GROWTH * state.bound)
    following = _State(*(ops.where(fits, *pair) for pair in zip(following, stayed)))
    penalty = dot(l2 * weights, weights) + dot(l1, ops.abs(weights))
    norms = ops.where(fits, norm(scale * move), np.inf)
    return following, arrived + penalty, norms
