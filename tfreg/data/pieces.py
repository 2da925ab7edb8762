"""Word pieces: any KerasHub tokenizer behind one small face."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import keras_hub
import numpy as np
import tensorflow as tf

from tfreg._checks import InputError

_AT_ONCE = 1024
MASK = "\0"  # the mask token in a text: no text of a user's may hold this character


class Pieces:
    """A tokenizer, and the ids of its special tokens.

    The tokenizer always runs as a TensorFlow graph: called eagerly it takes another
    road, with other results for bytes that are not UTF-8.

    Args:
        tokenizer: a KerasHub tokenizer.
    """

    def __init__(self, tokenizer: Any) -> None:
        if getattr(tokenizer, "sequence_length", None):
            raise InputError(
                "`tokenizer` must not have a `sequence_length` of its own: it would "
                "pad and cut what is packed later; give it to the builder"
            )
        self.tokenizer = tokenizer
        # KerasHub's puts a blank before each text, Hugging Face's where there is none.
        self._prefixed = bool(getattr(tokenizer, "add_prefix_space", False))
        self._graph = tf.function(
            lambda texts: tokenizer(texts),
            input_signature=[tf.TensorSpec([None], tf.string)],
        )
        self.start = self._special("start_token_id", "cls_token_id")
        self.end = self._special("end_token_id", "sep_token_id")
        self.pad = self._special("pad_token_id")

    @property
    def is_roberta(self) -> bool:
        """Whether it joins pairs as RoBERTa does: two end tokens, and one segment."""
        tokenizers = keras_hub.tokenizers
        kinds = (tokenizers.RobertaTokenizer, tokenizers.XLMRobertaTokenizer)
        return isinstance(self.tokenizer, kinds)

    @property
    def between(self) -> list[int]:
        """What stands between the texts of a pair."""
        return [self.end] * (2 if self.is_roberta else 1)

    @property
    def unknown(self) -> int:
        """The piece that stands for a word that has none."""
        vocabulary = set(self.tokenizer.get_vocabulary())
        for token in ("[UNK]", "<unk>", "[MASK]", "<mask>"):
            if token in vocabulary:
                return int(self.tokenizer.token_to_id(token))
        return self.end

    @property
    def mask(self) -> int:
        """The piece that hides a word."""
        return self._special("mask_token_id")

    @property
    def hiding(self) -> int:
        """What hides a piece: the mask's, else the unknown piece's or padding's."""
        mask = getattr(self.tokenizer, "mask_token_id", None)
        if mask is not None:
            return int(mask)
        return self.pad if self.unknown == self.end else self.unknown

    @property
    def special(self) -> list[int]:
        """The pieces that are no part of a text."""
        return sorted({self.start, self.end, self.pad})

    def of_texts(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The ids of each text's pieces, without special tokens but for `MASK`."""
        if not any(MASK in text for text in texts):
            return self._of_parts(texts)
        rows = [_parts(text) for text in texts]
        found = iter(self._of_parts([part for parts in rows for part in parts]))
        mask = np.array([self.mask], "int32")
        result = []
        for parts in rows:
            first, *others = (next(found) for _ in parts)
            masked = [piece for other in others for piece in (mask, other)]
            result.append(np.concatenate([first, *masked]))
        return result

    def _of_parts(self, texts: Sequence[str]) -> list[np.ndarray]:
        if self._prefixed:
            found = self._tokenize([text.removeprefix(" ") for text in texts])
            return [row if text else row[:0] for text, row in zip(texts, found)]
        return self._tokenize(texts)

    def _tokenize(self, texts: Sequence[str]) -> list[np.ndarray]:
        result: list[np.ndarray] = []
        for start in range(0, len(texts), _AT_ONCE):
            part = [text.encode("utf-8") for text in texts[start : start + _AT_ONCE]]
            ragged = self._graph(tf.constant(part, tf.string))
            flat = ragged.flat_values.numpy().astype("int32")
            splits = ragged.row_splits.numpy().tolist()
            result += [flat[first:end] for first, end in zip(splits, splits[1:])]
        return result

    def of_words(
        self, sentences: Iterable[Sequence[str]], most: int
    ) -> dict[str, np.ndarray]:
        """The pieces of each different word: at least one, at most ``most``.

        Some 4,000 code points (controls, unassigned, lone accents) give a tokenizer
        nothing to hold; such a word gets the unknown piece, and so its tag.
        """
        words = list(dict.fromkeys(word for words in sentences for word in words))
        # Byte-pair vocabularies spell a word differently after a space, and in
        # running text it almost always follows one.
        spaced = isinstance(self.tokenizer, keras_hub.tokenizers.BytePairTokenizer)
        texts = [" " + word for word in words] if spaced else words
        unknown = np.array([self.unknown], "int32")
        return {
            word: pieces[:most] if len(pieces) else unknown
            for word, pieces in zip(words, self.of_texts(texts))
        }

    def _special(self, *names: str) -> int:
        for name in names:
            value = getattr(self.tokenizer, name, None)
            if value is not None:
                return int(value)
        token = names[0].removesuffix("_id").replace("_", " ")
        raise InputError(f"`tokenizer`: {type(self.tokenizer).__name__} has no {token}")


def _parts(text: str) -> list[str]:
    """What a text says between masks; a blank before a mask belongs to it."""
    *parts, last = text.split(MASK)
    return [*(part.rstrip(" ") for part in parts), last]
