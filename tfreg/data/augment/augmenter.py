"""The rows of a split as an epoch has them: words changed, then encoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfreg._checks import InputError
from tfreg.data.augment.augmentation import Augmentation, Words
from tfreg.data.augment.deletion import Deletion
from tfreg.data.augment.masking import Masking
from tfreg.data.augment.swap import Swap
from tfreg.data.bio import is_bio
from tfreg.data.encoded import Encoded
from tfreg.data.encoding import encode_texts, encode_words
from tfreg.data.examples import Examples
from tfreg.data.targets import encode_targets

_STREAM = 1  # apart from that of the rows' order
_SPANS = ("B-", "I-", "E-", "S-", "L-", "U-")  # the prefixes of all tagging schemes


class Augmenter:
    """Changes the rows of an encoded split, anew in each epoch.

    What becomes of a row is decided by (seed, epoch, row) alone: a fit that is started
    again at an epoch sees what it would have seen. A text, or each of a pair, is split
    at white space; if its words changed they are joined by blanks and tokenised. Of a
    long tagged sentence each window is changed by itself and stays one row; should
    longer synonyms no longer fit, what is too much at its end is cut.

    Args:
        augmentations: in their order.
        preprocessor: of the model.
        encoded: the split, as the preprocessor encoded it.
        seed: at least 0.

    Raises:
        InputError: what `check_augmentations` raises; rows without their texts.
    """

    def __init__(
        self,
        augmentations: Sequence[Augmentation],
        preprocessor: Any,
        encoded: Encoded,
        seed: int,
    ) -> None:
        check_augmentations(augmentations, preprocessor)
        if encoded.source is None:
            raise InputError(
                "`augment` needs the texts themselves: encode them by `model.encode`"
            )
        self.augmentations = tuple(augmentations)
        self.pieces = preprocessor.pieces
        self.length = preprocessor.sequence_length
        self.labels = preprocessor.labels
        self.encoded = encoded
        self.source = encoded.source
        self.seed = seed
        self._first = None if encoded.answers is None else _first_words(encoded)

    def __call__(self, rows: np.ndarray, epoch: int) -> Encoded:
        """Some rows, by their numbers, as they are in an epoch."""
        each = [
            (row, np.random.default_rng((_STREAM, self.seed, epoch, row)))
            for row in rows.tolist()
        ]
        if self.source.kind == "words":
            return self._sentences(each)
        if self.source.kind == "pair":
            inputs: list[Any] = [
                tuple(self._text(text, random) for text in self.source.inputs[row])
                for row, random in each
            ]
        else:
            inputs = [
                self._text(self.source.inputs[row], random) for row, random in each
            ]
        encoded = self.encoded
        return encode_texts(
            self.pieces,
            Examples(self.source.kind, tuple(inputs)),
            self.length,
            None if encoded.targets is None else encoded.targets[rows],
            None if encoded.weights is None else encoded.weights[rows],
        )

    def _text(self, text: str, random: np.random.Generator) -> str:
        words = text.split()
        changed = self._change(Words.of(words), random).words
        return text if changed == tuple(words) else " ".join(changed)

    def _change(self, words: Words, random: np.random.Generator) -> Words:
        for augmentation in self.augmentations:
            words = augmentation(words, random)
        return words

    def _sentences(self, each: Sequence[tuple[int, np.random.Generator]]) -> Encoded:
        changed = [self._change(self._window(row), random) for row, random in each]
        return encode_words(
            self.pieces,
            Examples("words", tuple(words.words for words in changed)),
            self.length,
            _moved(self.encoded.targets, each, changed),
            _moved(self.encoded.weights, each, changed),
            cut=True,
        )

    def _window(self, row: int) -> Words:
        """The words of a row, in groups within which they may change places.

        Words that another row answers for stay among themselves, at the edges.
        """
        assert self._first is not None and self.encoded.words is not None
        example, begin = int(self.encoded.example[row]), self._first[row]
        window = slice(begin, begin + len(self.encoded.words[row]))
        words, targets = self.source.inputs[example][window], self.encoded.targets[row]
        groups = [-1 if target < 0 else 0 for target in targets]
        if not is_bio(self.labels):
            return Words.of(words, groups)
        span, before = 0, "O"
        for i, tag in enumerate(self._tags(example)[window]):
            if tag != "O":
                span += tag.startswith("B") or before == "O" or before[2:] != tag[2:]
                groups[i] = span
            before = tag
        return Words.of(words, groups)

    def _tags(self, example: int) -> Sequence[str]:
        """The tags of a sentence by name, however they were given."""
        assert self.source.targets is not None
        ids = encode_targets([self.source.targets[example]], "tag", self.labels)[0]
        return [self.labels[number] for number in ids]


def check_augmentations(
    augmentations: Sequence[Augmentation] | None, preprocessor: Any
) -> None:
    """Refuse to augment what could not be, or would not keep its labels.

    Raises:
        InputError: a model that takes ids; a tokenizer without a mask token; words to
            be moved or left out where tags are spans but not IOB2.
    """
    if not augmentations:
        return
    if preprocessor is None:
        raise InputError(
            "`augment` changes texts, but a model without a tokenizer takes ids"
        )
    if any(isinstance(one, Masking) for one in augmentations):
        preprocessor.pieces.mask
    spans = [label for label in preprocessor.labels if label.startswith(_SPANS)]
    spans += ["I"] if set(preprocessor.labels) == {"O", "I"} else []
    if preprocessor.task == "tag" and spans and not is_bio(preprocessor.labels):
        for one in augmentations:
            if isinstance(one, (Swap, Deletion)):
                raise InputError(
                    f"`augment`: {type(one).__name__} keeps IOB2 tags valid (O, B-X, "
                    f"I-X), or tags of single words; got labels such as {spans[-1]!r}"
                )


def _first_words(encoded: Encoded) -> list[int]:
    """The number, in its sentence, of the first word of each row."""
    assert encoded.answers is not None
    first, answered, before = [], 0, -1
    for example, (begin, end) in zip(encoded.example, encoded.answers.tolist()):
        if example != before:
            answered, before = 0, example
        first.append(answered - begin)
        answered += end - begin
    return first


def _moved(
    values: Any, each: Sequence[tuple[int, Any]], changed: Sequence[Words]
) -> Any:
    """Values of words, moved with their words."""
    if values is None:
        return None
    return [values[row][list(words.places)] for (row, _), words in zip(each, changed)]
