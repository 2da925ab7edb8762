"""The real pieces of a padded batch as the rows of a matrix, and back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from keras import ops

from tfreg import _compat


@dataclass(frozen=True)
class RealRows:
    """Which positions of a batch are kept: all that are real, and few others.

    What is computed position by position costs as much for padding as for words.
    Between `keep` and `spread` most padding is not there. Nothing may read padding:
    positions that are not kept share the values of the last one that is, padding too,
    and its gradient, which is then 0.

    Args:
        kept: the positions that are kept, numbered row by row, (room,).
        places: of each position its place among them, (batch·length,).
        shape: (batch, length).
    """

    kept: Any
    places: Any
    shape: tuple[Any, Any]
    # What was spread last, and from what: one block spreads what the next one keeps.
    _last: list[Any] = field(default_factory=list, repr=False, compare=False)

    def keep(self, x: Any) -> Any:
        """(room, ...), of values (batch, length, ...)."""
        if self._last and self._last[0] is x:
            return self._last[1]
        return _moved(ops.reshape(x, (-1, *x.shape[2:])), self.kept, self.places)

    def spread(self, x: Any) -> Any:
        """(batch, length, ...), of values (room, ...)."""
        rows = _moved(x, self.places, self.kept)
        spread = ops.reshape(rows, (*self.shape, *x.shape[1:]))
        self._last[:] = spread, x
        return spread


@dataclass(frozen=True)
class AllRows:
    """All positions of a batch as rows: one length, where a batch has two.

    Args:
        shape: (batch, length).
    """

    shape: tuple[Any, Any]

    def keep(self, x: Any) -> Any:
        """(batch·length, ...), of values (batch, length, ...)."""
        return ops.reshape(x, (-1, *x.shape[2:]))

    def spread(self, x: Any) -> Any:
        """(batch, length, ...), of values (batch·length, ...)."""
        return ops.reshape(x, (*self.shape, *x.shape[1:]))


def real_rows(mask: Any, rooms: Any = None) -> RealRows:
    """The real positions of a batch, and padding that fills the room.

    Args:
        mask: true, or not 0, where a position is real; (batch, length).
        rooms: how many positions may be kept. Of them the smallest is taken that holds
            the real ones and one more; where there is none, all are kept. None: as many
            as that.

    Example:
        >>> import numpy as np
        >>> found = real_rows(np.array([[1, 0, 0, 0], [1, 1, 0, 0]]), rooms=[4, 6])
        >>> found.kept.numpy().tolist(), found.places.numpy().tolist()
        ([0, 4, 5, 1], [0, 3, 3, 3, 1, 2, 3, 3])
    """
    real = ops.cast(ops.cast(ops.reshape(mask, (-1,)), "bool"), "int32")
    size, count = ops.size(real), ops.sum(real)
    rooms = count + 1 if rooms is None else ops.cast(rooms, "int32")
    room = ops.minimum(size, ops.min(ops.where(rooms > count, rooms, size)))
    padding = count + ops.cumsum(1 - real)
    place = ops.where(real > 0, ops.cumsum(real), padding) - 1
    kept = ops.cast(ops.argsort(place), "int32")[:room]
    return RealRows(kept, ops.minimum(place, room - 1), tuple(ops.shape(mask)))


def _moved(rows: Any, to: Any, back: Any) -> Any:
    @ops.custom_gradient
    def move(rows: Any) -> Any:
        moved = _compat.rows_at(rows, to)
        return moved, lambda upstream: _compat.rows_at(upstream, back)

    return move(rows)
