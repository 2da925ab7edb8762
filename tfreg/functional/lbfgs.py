"""Many linear models with an L2 penalty, minimised together to a stated gradient."""

from __future__ import annotations

from typing import Any, NamedTuple

from keras import ops

from tfreg import _compat
from tfreg.functional.linear_models import Minima, Problem, dot, flat, norm, take

_PAIRS = 8  # steps remembered
_ENOUGH = 1e-4  # of the slope, that a step must gain (Armijo)
_HALVINGS = 40


class _State(NamedTuple):
    """All arrays have the axis of models in the middle."""

    weights: Any
    logits: Any
    objective: Any
    gradient: Any
    moves: list[Any]
    turns: list[Any]  # of the gradient, with each move
    inverses: list[Any]  # of their products; 0 where none is remembered yet


def minimise_l2(
    problem: Problem,
    start: Any,
    curvature: Any,
    *,
    tolerance: float = 1e-6,
    max_steps: int = 2000,
) -> Minima:
    """argmin over W of loss(XW) + Σ λ·W², for every model of a problem.

    L-BFGS, whose first guess of the inverse Hessian is diagonal: it is best where the
    columns of X are uncorrelated, so rotate them first. Logits move along a line with
    the weights, so a trial step costs no product. Models that are done leave.

    Args:
        problem: the models.
        start: their first weights, (columns, models, outputs).
        curvature: second derivative of the loss along each column, (columns, 1, 1).
        tolerance: Euclidean norm of the gradient at which a model is done, above 0.
        max_steps: after which it stays where it is.

    Nocedal & Wright (2006), "Numerical Optimization", algorithm 7.4; a backtracking
    line search is enough, for the loss is convex.
    """
    found = Minima(start)
    state = _begin(problem, ops.convert_to_tensor(start))
    for step in range(max_steps + 1):
        norms = flat(norm(state.gradient))
        done = (norms <= tolerance) | (step == max_steps)
        kept = found.take(done, state.weights, state.objective, norms, step)
        if kept is not None:
            if not len(kept):
                break
            state, problem = take(state, kept), problem.of(kept)
        following = _step(problem, state, curvature)
        if not bool(ops.any(following.objective < state.objective)):
            max_steps = step + 1  # no digit is left to gain
        state = following
    return found


def _begin(problem: Problem, weights: Any) -> _State:
    logits = problem.logits(weights)
    loss, slopes = problem.loss(logits, problem.targets)
    pulled = problem.strengths * weights
    objective = loss + dot(pulled, weights)
    gradient = problem.gradient(slopes) + 2.0 * pulled
    none = [ops.zeros_like(weights)] * _PAIRS
    inverses = [ops.zeros_like(objective)] * _PAIRS
    return _State(weights, logits, objective, gradient, none, none, inverses)


@_compat.traced
def _step(problem: Problem, state: _State, curvature: Any) -> _State:
    """One step of every model."""
    direction = _direction(state, curvature + 2.0 * problem.strengths)
    length, logits, objective, slopes = _search(problem, state, direction)
    weights = state.weights + length * direction
    gradient = problem.gradient(slopes) + 2.0 * problem.strengths * weights
    move, turn = weights - state.weights, gradient - state.gradient
    product = dot(move, turn)
    inverse = ops.where(product > 0, 1.0 / ops.where(product > 0, product, 1.0), 0.0)
    return _State(
        weights,
        logits,
        objective,
        gradient,
        [*state.moves[1:], move],
        [*state.turns[1:], turn],
        [*state.inverses[1:], inverse],
    )


def _search(problem: Problem, state: _State, direction: Any) -> tuple[Any, ...]:
    """How far every model goes; logits, objective, and slopes at the logits there."""
    along = problem.logits(direction)
    slope = dot(state.gradient, direction)
    # The penalty at weights + t·direction is a parabola in t.
    pulled = problem.strengths * direction
    constant = dot(problem.strengths * state.weights, state.weights)
    linear, square = 2.0 * dot(pulled, state.weights), dot(pulled, direction)
    rounding = 1e-15 * ops.abs(state.objective)

    def attempt(length: Any) -> tuple[Any, ...]:
        logits = state.logits + length * along
        loss, slopes = problem.loss(logits, problem.targets)
        objective = loss + constant + length * (linear + length * square)
        gain = state.objective - objective + rounding
        short = gain < -_ENOUGH * length * slope
        # The lowest point of the parabola through both ends and the slope.
        lowest = slope * length * length / (2.0 * (gain + slope * length))
        shorter = ops.clip(lowest, 0.1 * length, 0.5 * length)
        following = ops.where(short, shorter, length)
        return ops.any(short), following, length, logits, objective, slopes

    first = attempt(ops.ones_like(slope))
    _, _, *reached = ops.while_loop(
        lambda again, *_: again,
        lambda _, following, *__: attempt(following),
        first,
        maximum_iterations=_HALVINGS,
    )
    return tuple(reached)


def _direction(state: _State, diagonal: Any) -> Any:
    """−(inverse Hessian)·gradient, by the two loops over what is remembered."""
    pairs = list(zip(state.moves, state.turns, state.inverses))
    rest, shares = state.gradient, []
    for move, turn, inverse in reversed(pairs):
        shares.append(inverse * dot(move, rest))
        rest = rest - shares[-1] * turn
    _, turn, inverse = pairs[-1]
    scale = inverse * dot(turn, turn / diagonal)
    rest = rest / diagonal / ops.where(scale > 0, scale, 1.0)
    for (move, turn, inverse), share in zip(pairs, reversed(shares)):
        rest = rest + (share - inverse * dot(turn, rest)) * move
    return -rest
