"""The lengths batches are padded to: few shapes, little padding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

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
# Seconds, on two cores: what a new shape costs, whose elementwise functions are
# compiled; a piece that is trained on; and each weight that it is multiplied by.
_SHAPE = 0.4
_PIECE = 2e-5
_WEIGHT = 2.4e-11
WEIGHTS = 10_600_000  # of the packaged encoder
# JAX compiles the whole step: in pieces.
_WHOLE_STEP = 1_000_000
# What a piece costs that is kept where padding is left out, and one that is left out
# (attention has it still), in pieces.
_KEPT = 1.02
_LEFT_OUT = 0.15
# Seconds that a new shape costs a last block after its attention.
_LAST_SHAPE = 0.25
_GRAIN = 8  # of rooms: batches of nearly as many pieces have one shape


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


class Rooms(NamedTuple):
    """How many positions a batch may have left where the encoder leaves out others.

    Args:
        pieces: where it leaves out padding (`tfreg.adapt.real_pieces`), ascending;
            none where that costs more.
        words: likewise where its last block answers at words alone
            (`tfreg.adapt.last_block`).
    """

    pieces: tuple[int, ...] = ()
    words: tuple[int, ...] = ()


class Ladder(NamedTuple):
    """What the batches of a fit are padded to.

    Args:
        lengths: the rungs, ascending.
        rooms: of what is computed.
    """

    lengths: tuple[int, ...]
    rooms: Rooms = Rooms()


def fitted_ladder(
    longest: Any,
    rows: Any = 1,
    real: Any = None,
    *,
    times: float = 1.0,
    weights: int = WEIGHTS,
    whole_step: bool = False,
) -> Ladder:
    """The rungs that cost least, in pieces: Σ rows·rung + a shape's cost·rungs.

    Where padding is left out, a batch is taken to have the room of the fullest one of
    its rung, and what is left out costs a share: Σ (a·kept + b·(rows·rung − kept)) + a
    shape's cost·rungs. Of these sums the least, exactly; shortest batches first.

    Args:
        longest: pieces of the longest row of each batch.
        rows: how many rows each batch has; one number, or one a batch.
        real: how many real pieces each batch has; None if padding cannot be left out.
        times: how often the batches are seen.
        weights: of the kernels that each piece is multiplied by: to a large encoder a
            shape costs fewer pieces. (Blocks that share theirs, ALBERT's, count once.)
        whole_step: whether the whole step is compiled for each shape, as on JAX.

    Example:
        >>> fitted_ladder([5] * 900 + [6] * 10 + [40] * 1000)
        Ladder(lengths=(5, 40), rooms=Rooms(pieces=(), words=()))
        >>> fitted_ladder([50] * 900, 32, [320] * 900).rooms.pieces
        (328,)
    """
    found, place = np.unique(np.asarray(longest, int), return_inverse=True)
    if not len(found):
        return Ladder(())

    def summed(each: Any) -> np.ndarray:
        each = np.bincount(place, np.broadcast_to(each, place.shape))
        return np.concatenate([[0], np.cumsum(each)])

    all_rows, batches = summed(rows), summed(1)
    new = _WHOLE_STEP if whole_step else _SHAPE / (_PIECE + _WEIGHT * weights)
    shape = new / times

    def padded(top: int) -> np.ndarray:
        return found[top - 1] * (all_rows[top] - all_rows[:top])

    cost, tops = _cheapest(len(found), lambda top: padded(top) + shape)
    rooms: tuple[int, ...] = ()
    if real is not None:
        fullest = np.zeros(len(found), int)
        np.maximum.at(fullest, place, _room(np.asarray(real)))

        def left_out(top: int) -> np.ndarray:
            room = np.maximum.accumulate(fullest[:top][::-1])[::-1]
            kept = np.minimum(room * (batches[top] - batches[:top]), padded(top))
            return _KEPT * kept + _LEFT_OUT * (padded(top) - kept) + shape

        less, others = _cheapest(len(found), left_out)
        if less < cost:
            tops = others
            groups = np.split(fullest, tops[:-1])
            rooms = tuple(sorted({int(group.max()) for group in groups}))
    return Ladder(tuple(int(found[top - 1]) for top in tops), Rooms(rooms))


def fitted_rooms(
    read: Any, computed: Any, last: int, *, times: float = 1.0, weights: int = WEIGHTS
) -> tuple[int, ...]:
    """The rooms for positions that are read which cost least; none if that is not less.

    In a last block's pieces: Σ a·room + a room's cost·rooms, beside Σ computed.

    Args:
        read: how many positions of each batch are read.
        computed: how many are computed otherwise.
        last: weights of the kernels that each one spares.
        times: how often the batches are seen.
        weights: of all kernels.

    Example:
        >>> fitted_rooms([200] * 900, [320] * 900, last=1_000_000)
        (208,)
        >>> fitted_rooms([200] * 9, [320] * 9, last=1_000_000)
        ()
    """
    found, batches = np.unique(_room(np.asarray(read, int)), return_counts=True)
    if not len(found):
        return ()
    seen = np.concatenate([[0], np.cumsum(batches)])
    piece = (_PIECE + _WEIGHT * weights) * last / weights
    new = _LAST_SHAPE / piece / times
    cost, tops = _cheapest(
        len(found), lambda top: _KEPT * found[top - 1] * (seen[top] - seen[:top]) + new
    )
    less = cost < np.sum(computed)
    return tuple(int(found[top - 1]) for top in tops) if less else ()


def _room(real: np.ndarray) -> np.ndarray:
    """Positions for so many real pieces and one more, rounded up."""
    return -(-(real + 1) // _GRAIN) * _GRAIN


def _cheapest(
    count: int, costs: Callable[[int], np.ndarray]
) -> tuple[float, list[int]]:
    """The cheapest way to cut 0, ..., count - 1 into ranges: its cost, their ends.

    Args:
        count: at least 1.
        costs: from the end of a range to what it costs, for each place it may begin.
    """
    best, begin = np.zeros(count + 1), np.zeros(count + 1, int)
    for end in range(1, count + 1):
        cost = best[:end] + costs(end)
        begin[end] = int(np.argmin(cost))
        best[end] = cost[begin[end]]
    ends, end = [], count
    while end:
        ends.append(end)
        end = int(begin[end])
    return float(best[count]), ends[::-1]
