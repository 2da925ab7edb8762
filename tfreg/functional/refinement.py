"""Solutions along a line, each level's from those of the coarser one before it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tfreg.functional.linear_models import Minima

_COARSE = 6  # places of the first level, at least


def refine(
    places: np.ndarray,
    solve: Callable[[np.ndarray, np.ndarray], Minima],
    start: np.ndarray,
    chunk: int,
    *,
    smooth: bool,
) -> Minima:
    """Solve at all places: every 2^k-th of them first, then those halfway between.

    Where weights are smooth in the place, the first come one after the other, from the
    highest place down, each from the line through the two before it. What is between
    solutions is interpolated.

    Args:
        places: in any order.
        solve: from some places and their first weights, (columns, places, outputs), to
            the minima.
        start: first weights of the first level, (columns, outputs).
        chunk: places solved at once, at most.
        smooth: whether weights are smooth in the place: then the polynomial through
            the six nearest is taken, else the line through two.
    """
    order = np.argsort(-places)
    sorted_places, count = places[order], len(places)
    every = np.repeat(start[:, None], count, axis=1)
    found = Minima(every)
    first, *finer = _levels(count)
    known: list[int] = []
    for level in [*(first.reshape(-1, 1) if smooth else [first]), *finer]:
        points = 2 if known == [] or level[0] > known[-1] or not smooth else 6
        for some in np.array_split(level, -(-len(level) // chunk)):
            begin = every[:, some]
            if known:
                begin = _interpolated(
                    sorted_places[known], found.weights[:, order[known]],
                    sorted_places[some], points,
                )  # fmt: skip
            minima = solve(sorted_places[some], begin)
            found.weights[:, order[some]] = minima.weights
            for name in ("objectives", "gradients", "steps"):
                getattr(found, name)[order[some]] = getattr(minima, name)
        known = sorted([*known, *level])
    return found


def _levels(count: int) -> list[np.ndarray]:
    """Numbers of the places of each level; the first has both ends.

    >>> [level.tolist() for level in _levels(13)]
    [[0, 2, 4, 6, 8, 10, 12], [1, 3, 5, 7, 9, 11]]
    """
    stride = 1
    while count // (2 * stride) >= _COARSE:
        stride *= 2
    levels = [np.unique([*range(0, count, stride), count - 1])]
    seen = set(levels[0].tolist())
    while stride > 1:
        stride //= 2
        level = [place for place in range(0, count, stride) if place not in seen]
        levels.append(np.array(level, int))
        seen.update(level)
    return [level for level in levels if len(level)]


def _interpolated(
    known: np.ndarray, values: np.ndarray, wanted: np.ndarray, points: int
) -> np.ndarray:
    """Lagrange's polynomial through the nearest points, along the middle axis."""
    shares = np.zeros((len(known), len(wanted)))
    for column, place in enumerate(wanted):
        near = np.argsort(np.abs(known - place), kind="stable")[:points]
        for one in near:
            others = known[near[near != one]]
            shares[one, column] = np.prod((place - others) / (known[one] - others))
    return np.einsum("ckj,kw->cwj", values, shares)
