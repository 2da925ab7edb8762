"""The lengths batches are padded to: few shapes, little padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

# For data not seen as a whole. Rungs are close where texts are short and padding
# costs most.
LADDER = (
    *(8, 12, 16, 20, 24, 28, 32, 40, 48, 64, 80, 96),
    *(128, 160, 192, 256, 320, 384, 448, 512),
)
# Pieces of a batch that is only predicted. They have many divisors: rows of many
# lengths fill a batch, and what is compiled for its pieces is compiled once for all.
WIDE = (840, 1680, 2520, 5040)
# What a new shape costs, in pieces trained: its elementwise functions are compiled,
# 0.4 s beside 3,700 pieces a second. JAX compiles the whole step.
_SHAPE = 1_500
_WHOLE_STEP = 1_000_000


def rung(length: int, most: int | None = None, ladder: Sequence[int] = LADDER) -> int:
    """The padded length of a batch whose longest row has ``length`` pieces.

    Never above ``most``: an encoder may have no positions beyond its longest text.
    """
    step = next((step for step in ladder if step >= length), length)
    return step if most is None else max(min(step, most), length)


def divisors(pieces: int) -> tuple[int, ...]:
    """The lengths whose rows can fill a batch of so many pieces.

    Example:
        >>> divisors(840)[:8]
        (8, 10, 12, 14, 15, 20, 21, 24)
    """
    return tuple(step for step in range(8, pieces + 1) if pieces % step == 0)


def fitted_ladder(
    longest: Any, rows: Any = 1, *, whole_step: bool = False
) -> tuple[int, ...]:
    """The rungs that cost least: Σ rows·(rung − longest) + a shape's cost·rungs.

    Solved exactly, shortest batches first.

    Args:
        longest: pieces of the longest row of each batch.
        rows: how many rows each batch has; one number, or one a batch.
        whole_step: whether the whole step is compiled for each shape, as on JAX.

    Example:
        >>> fitted_ladder([5] * 900 + [6] * 10 + [40] * 1000)
        (5, 40)
    """
    found, place = np.unique(np.asarray(longest, int), return_inverse=True)
    if not len(found):
        return ()
    counts = np.bincount(place, np.broadcast_to(rows, place.shape))
    padded = np.concatenate([[0], np.cumsum(counts)])
    pieces = np.concatenate([[0], np.cumsum(counts * found)])
    shape = _WHOLE_STEP if whole_step else _SHAPE
    best, below = np.zeros(len(padded)), np.zeros(len(padded), int)
    for top in range(1, len(padded)):
        padding = found[top - 1] * (padded[top] - padded[:top])
        padding = padding - (pieces[top] - pieces[:top])
        cost = best[:top] + padding + shape
        below[top] = int(np.argmin(cost))
        best[top] = cost[below[top]]
    rungs, top = [], len(found)
    while top:
        rungs.append(int(found[top - 1]))
        top = int(below[top])
    return tuple(reversed(rungs))
