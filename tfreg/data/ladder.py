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
# For wide batches of sorted rows, which are few: never more shapes than batches.
FINE = (*range(8, 48, 2), *range(48, 96, 4), *range(96, 192, 8), *range(192, 513, 16))
# What a new shape costs, in pieces trained: its elementwise functions are compiled,
# 0.45 s beside 4,500 pieces a second. JAX compiles the whole step.
_SHAPE = 2_000
_WHOLE_STEP = 1_000_000


def rung(length: int, most: int | None = None, ladder: Sequence[int] = LADDER) -> int:
    """The padded length of a batch whose longest row has ``length`` pieces.

    Never above ``most``: an encoder may have no positions beyond its longest text.
    """
    step = next((step for step in ladder if step >= length), length)
    return step if most is None else max(min(step, most), length)


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
