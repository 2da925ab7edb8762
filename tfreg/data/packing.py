"""From word pieces to rows: start and end tokens, cutting, pairs, windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np


def cut_pair(first: int, second: int, budget: int) -> tuple[int, int]:
    """The lengths of two texts cut to a budget, the longer one first.

    >>> cut_pair(10, 3, 8), cut_pair(10, 9, 8), cut_pair(2, 3, 8)
    ((5, 3), (4, 4), (2, 3))
    """
    over = first + second - budget
    if over <= 0:
        return first, second
    half = budget // 2
    if second <= half:
        return budget - second, second
    if first <= half:
        return first, budget - first
    return budget - half, half


def windows(sizes: Sequence[int], budget: int) -> Iterator[tuple[int, int, int, int]]:
    """Overlapping windows over words, in which every word is answered for once.

    A window holds as many words as fit; a quarter of it at each inner edge is
    context, answered for by its neighbour, so that no word is judged at an edge.

    Args:
        sizes: pieces a word, each from 1 to ``budget``.
        budget: pieces a window.

    Yields:
        (first word, end, first answered, end answered), ends exclusive.

    >>> list(windows([1] * 10, 8))
    [(0, 8, 0, 6), (4, 10, 6, 10)]
    """
    context = budget // 4
    first = answered = 0
    while True:
        end = _fill(sizes, first, budget)
        if end == len(sizes):
            yield first, end, answered, end
            return
        # What is left to the next window must there have the word at `end` after it.
        stop, tail, room = end, 0, min(context, budget - sizes[end])
        while stop - 1 > answered and tail + sizes[stop - 1] <= room:
            tail += sizes[stop - 1]
            stop -= 1
        yield first, end, answered, stop
        # The next window starts some context before `stop`.
        first, head = stop, 0
        room = min(context, budget - tail - sizes[end])
        while first > 0 and head + sizes[first - 1] <= room:
            head += sizes[first - 1]
            first -= 1
        answered = stop


def _fill(sizes: Sequence[int], first: int, budget: int) -> int:
    """The end of the longest run of words from ``first`` that fits."""
    end, used = first, 0
    while end < len(sizes) and used + sizes[end] <= budget:
        used += sizes[end]
        end += 1
    return end


def join(parts: Sequence[np.ndarray | Sequence[int]]) -> np.ndarray:
    """Ids one after the other, int32."""
    return np.concatenate([np.asarray(part, np.int32) for part in parts])
