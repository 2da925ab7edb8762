"""A split as the encoder takes it: word pieces, unpadded, tokenised once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfreg.data.examples import Examples


@dataclass(frozen=True)
class Encoded:
    """Packed rows of word pieces; a long tagged text is several rows (windows).

    Args:
        pieces: a row's ids, start and end tokens included, int32.
        second: where a row's second segment begins (its length if there is none).
        example: the number of the example each row comes from.
        words: for taggers, the positions of the first pieces of a row's words.
        answers: for taggers, (first, end) of the words each row answers for, as
            numbers within its ``words``; the others are context.
        targets: one a row: id, number, vector, or (taggers) one id a word with −2 for
            context; None without.
        weights: one a row, or (taggers) one a word; None without.
        examples: how many examples there are.
        cut: how many of them did not fit and lost their end.
        source: the examples themselves, as `TextPreprocessor.encode` keeps them.
    """

    pieces: tuple[np.ndarray, ...]
    second: np.ndarray
    example: np.ndarray
    examples: int
    cut: int = 0
    words: tuple[np.ndarray, ...] | None = None
    answers: np.ndarray | None = None
    targets: Any = None
    weights: Any = None
    source: Examples | None = None

    def __len__(self) -> int:
        return len(self.pieces)

    @property
    def lengths(self) -> np.ndarray:
        """Real (non-padding) pieces a row."""
        return np.fromiter(map(len, self.pieces), np.int64, len(self.pieces))

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        """All that a fit sees of it, by name; rows one behind the other."""
        for name in ("pieces", "second", "words", "answers", "targets", "weights"):
            values = getattr(self, name)
            if isinstance(values, np.ndarray):
                yield name, values
            elif values is not None:
                yield name, np.concatenate([np.zeros(0, "int32"), *values])
                yield f"{name} counts", np.array([len(value) for value in values])

    def take(self, examples: Sequence[int]) -> Encoded:
        """The examples with these numbers, with all of their rows."""
        place = np.full(self.examples, -1)
        place[np.asarray(examples)] = np.arange(len(examples))
        rows = np.flatnonzero(place[self.example] >= 0)
        rows = rows[np.argsort(place[self.example[rows]], kind="stable")]

        def of(values: Any) -> Any:
            if values is None or isinstance(values, np.ndarray):
                return None if values is None else values[rows]
            return type(values)(values[row] for row in rows)

        return Encoded(
            pieces=of(self.pieces),
            second=of(self.second),
            example=place[self.example[rows]],
            examples=len(examples),
            words=of(self.words),
            answers=of(self.answers),
            targets=of(self.targets),
            weights=of(self.weights),
            source=None if self.source is None else self.source.take(examples),
        )
