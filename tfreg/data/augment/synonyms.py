"""Words said otherwise, by a dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from tfreg._checks import InputError, fail
from tfreg.data.augment.augmentation import Augmentation, Words


@keras.saving.register_keras_serializable("tfreg")
@dataclass(frozen=True)
class Synonyms(Augmentation):
    """Words are replaced by synonyms from a dictionary.

    Each word that has synonyms is replaced with probability ``rate`` by one of them,
    all as likely. A word is looked up as it is, then without the punctuation around
    it, which stays, each first as written and then in lower case: the synonym then
    gets the word's capital or capitals. Tags stay.

    Args:
        rate: in [0, 1]; defaults to 0.1.
        dictionary: {word: synonyms}; kept in the recipe, and so in the saved model. A
            synonym may be several words, which a tagger reads as one.

    Raises:
        InputError: an empty dictionary, a word with a blank in it, or synonyms that
            are not a sequence of texts.

    Example:
        >>> synonyms = Synonyms(1.0, {"good": ["fine"]})
        >>> row = Words.of(["Good", "text", "(good)."])
        >>> synonyms(row, np.random.default_rng(0)).words
        ('Fine', 'text', '(fine).')

    Wei & Zou (2019), "EDA: Easy Data Augmentation Techniques for Boosting Performance
    on Text Classification Tasks", section 2: "synonym replacement", with WordNet's.
    """

    dictionary: Mapping[str, Iterable[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.dictionary, Mapping) or not self.dictionary:
            raise fail("dictionary", "{word: synonyms}", self.dictionary)
        checked = {
            _check_word(word): _check_synonyms(word, synonyms)
            for word, synonyms in self.dictionary.items()
        }
        object.__setattr__(self, "dictionary", checked)

    def __call__(self, row: Words, random: np.random.Generator) -> Words:
        words = list(row.words)
        for i in np.flatnonzero(self.chosen(row, random)):
            found = self.of(words[i])
            if found:
                words[i] = found[random.integers(len(found))]
        return row.say(words)

    def of(self, word: str) -> list[str]:
        """What may stand for a word as it is written."""
        for before, core, after in (("", word, ""), _parts(word)):
            if core in self.dictionary:
                return [f"{before}{one}{after}" for one in self.dictionary[core]]
            if core.lower() in self.dictionary:
                synonyms = self.dictionary[core.lower()]
                return [f"{before}{_cased(one, core)}{after}" for one in synonyms]
        return []

    def get_config(self) -> dict[str, Any]:
        dictionary = {word: list(found) for word, found in self.dictionary.items()}
        return {"rate": self.rate, "dictionary": dictionary}


def _parts(word: str) -> tuple[str, str, str]:
    """Punctuation before, the word, punctuation after."""
    inside = [i for i, char in enumerate(word) if char.isalnum()]
    first, end = (inside[0], inside[-1] + 1) if inside else (0, 0)
    return word[:first], word[first:end], word[end:]


def _cased(synonym: str, word: str) -> str:
    """A synonym in the capitals of a word."""
    if len(word) > 1 and word.isupper():
        return synonym.upper()
    return synonym[:1].upper() + synonym[1:] if word[:1].isupper() else synonym


def _check_word(word: Any) -> str:
    if not isinstance(word, str) or word.split() != [word]:
        raise fail("dictionary", "of words without blanks", word)
    return word


def _check_synonyms(word: str, synonyms: Any) -> tuple[str, ...]:
    where = f"dictionary[{word!r}]"
    if isinstance(synonyms, (str, bytes)) or not isinstance(synonyms, Iterable):
        raise fail(where, "a sequence of synonyms", synonyms)
    synonyms = tuple(synonyms)
    for synonym in synonyms:
        if not isinstance(synonym, str) or not synonym.strip():
            raise fail(where, "texts that are not blank", synonym)
        if "\0" in synonym or any("\ud800" <= char <= "\udfff" for char in synonym):
            raise InputError(f"`{where}`: a NUL or lone surrogate in {synonym!r}")
    if not synonyms:
        raise fail(where, "at least one synonym", synonyms)
    return synonyms
