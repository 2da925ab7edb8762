"""One split of a corpus, held in memory: plain Python, no TensorFlow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args

from tfreg._checks import InputError, check_choice

Kind = Literal["text", "pair", "words"]
Input = Union[str, tuple[str, ...]]
Target = Union[str, float, tuple[str, ...]]

_EXPECTED = {
    "text": "a string",
    "pair": "two strings",
    "words": "a sequence of strings",
}


@dataclass(frozen=True, repr=False)
class Examples:
    """Texts, pairs of texts or lists of words, with or without their targets.

    Args:
        kind: `"text"`, `"pair"` or `"words"`: what one input is.
        inputs: one string, two strings, or any number of strings (words) a row.
            Sequences are stored as tuples.
        targets: `None` (unlabelled), or one a row: a class name, a float
            (regression), a tuple of class names (multi-label, may be empty), or,
            for `"words"`, one tag a word.

    Raises:
        InputError: an input is not of its kind, inputs and targets differ in
            number, or a sentence has another number of tags than of words.

    Example:
        >>> split = Examples("words", [["Ada", "spoke"]], [["B-PER", "O"]])
        >>> len(split), split.targets
        (1, (('B-PER', 'O'),))
    """

    kind: Kind
    inputs: tuple[Any, ...]
    targets: tuple[Any, ...] | None = None

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, get_args(Kind))
        inputs = tuple(_as_input(self.kind, i, row) for i, row in _rows(self.inputs))
        object.__setattr__(self, "inputs", inputs)
        if self.targets is None:
            return
        targets = tuple(_as_target(target) for target in self.targets)
        object.__setattr__(self, "targets", targets)
        if len(targets) != len(inputs):
            raise InputError(
                "`targets` must be as many as `inputs`; "
                f"got {len(targets)} targets, {len(inputs)} inputs"
            )
        if self.kind != "words":
            return
        for i, (words, tags) in enumerate(zip(inputs, targets)):
            if not isinstance(tags, tuple) or len(tags) != len(words):
                raise InputError(
                    f"`targets[{i}]` must be one tag for each of {len(words)} words; "
                    f"got {tags!r}"
                )

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, rows: slice) -> Examples:
        if not isinstance(rows, slice):
            raise TypeError(f"Examples are cut by slices, as in x[:10]; got {rows!r}")
        return self.take(range(len(self))[rows])

    def take(self, rows: Iterable[int]) -> Examples:
        """The rows with these numbers, in this order."""
        rows = list(rows)
        targets = self.targets
        return Examples(
            self.kind,
            tuple(self.inputs[row] for row in rows),
            None if targets is None else tuple(targets[row] for row in rows),
        )

    def __repr__(self) -> str:
        labelled = "unlabelled" if self.targets is None else "labelled"
        return f"Examples({len(self)} {labelled} rows, kind={self.kind!r})"


def _rows(inputs: Any) -> Iterable[tuple[int, Any]]:
    if isinstance(inputs, (str, bytes)):
        raise InputError(f"`inputs` must be a sequence of rows; got {inputs!r}")
    return enumerate(inputs)


def _as_input(kind: Kind, i: int, row: Any) -> Input:
    if kind == "text":
        good = isinstance(row, str)
    else:
        good = not isinstance(row, (str, bytes)) and hasattr(row, "__iter__")
        if good:
            row = tuple(row)
            good = all(isinstance(part, str) for part in row)
            good = good and (kind == "words" or len(row) == 2)
    if not good:
        raise InputError(f"`inputs[{i}]` must be {_EXPECTED[kind]}; got {row!r}")
    return row


def _as_target(target: Any) -> Any:
    return tuple(target) if isinstance(target, (list, tuple)) else target
