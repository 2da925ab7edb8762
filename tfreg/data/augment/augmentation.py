"""What a change of words is, and what it may change."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from tfreg._checks import check_number

T = TypeVar("T", bound="Augmentation")


@dataclasses.dataclass(frozen=True)
class Words:
    """The words of one text or sentence.

    Args:
        words: in their order; `tfreg.data.pieces.MASK` for one that is masked.
        places: where each word's tag is found, a number from 0.
        groups: a number a word: words of one group may change places. Above 0 it is a
            span, whose tags (B- first, then I-) stay where they are; at or below 0,
            tags go with their words.

    Example:
        >>> Words.of(["a", "text"])
        Words(words=('a', 'text'), places=(0, 1), groups=(0, 0))
    """

    words: tuple[str, ...]
    places: tuple[int, ...]
    groups: tuple[int, ...]

    @classmethod
    def of(cls, words: Sequence[str], groups: Sequence[int] | None = None) -> Words:
        """A row as it was written; of a text, all words are one group."""
        groups = [0] * len(words) if groups is None else groups
        return cls(tuple(words), tuple(range(len(words))), tuple(groups))

    def __len__(self) -> int:
        return len(self.words)

    def take(self, chosen: Sequence[int]) -> Words:
        """The words with these numbers, in this order."""
        return Words(
            tuple(self.words[i] for i in chosen),
            tuple(self.places[i] for i in chosen),
            tuple(self.groups[i] for i in chosen),
        )

    def say(self, words: Sequence[str]) -> Words:
        """Other words in the same places."""
        return dataclasses.replace(self, words=tuple(words))


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """A random change of a row's words that leaves its label, or its tags, right.

    A subclass of your own defines `__call__`, and is registered with
    `keras.saving.register_keras_serializable`, so that saved recipes can be read.

    Args:
        rate: the probability that a word is changed, in [0, 1]; defaults to 0.1.

    Raises:
        InputError: a rate out of range.
    """

    rate: float = 0.1

    def __post_init__(self) -> None:
        check_number("rate", self.rate, low=0, high=1)

    def __call__(self, row: Words, random: np.random.Generator) -> Words:
        """The row, changed.

        Args:
            row: never changed itself.
            random: the only source of chance.
        """
        raise NotImplementedError

    def chosen(self, row: Words, random: np.random.Generator) -> np.ndarray:
        """Which words are changed, drawn one by one: a bool a word."""
        return random.random(len(row)) < self.rate

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            field.name: getattr(self, field.name) for field in dataclasses.fields(self)
        }

    @classmethod
    def from_config(cls: type[T], config: dict[str, Any]) -> T:
        """The augmentation that `get_config` described."""
        return cls(**config)
