"""From raw text to what an encoder takes; kept, and saved, inside the model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import keras_hub
import numpy as np
import tensorflow as tf

from tfreg._checks import InputError, check_choice, check_integer
from tfreg.data.batches import Batches
from tfreg.data.corpus import TASKS
from tfreg.data.encoded import Encoded
from tfreg.data.encoding import encode_texts, encode_words, text_weights
from tfreg.data.examples import Examples
from tfreg.data.pieces import Pieces
from tfreg.data.targets import class_weights, encode_targets


@keras.saving.register_keras_serializable("tfreg")
class TextPreprocessor(keras_hub.models.Preprocessor):
    """Texts, pairs or word lists as packed word pieces, and label names as ids.

    `encode` tokenises a whole split once. Called on a batch of a user's own
    `tf.data.Dataset` it does the same with that batch, where long word lists are cut
    (a data set of batches cannot grow rows).

    Args:
        tokenizer: a KerasHub tokenizer.
        task: ``"classify"``, ``"multilabel"``, ``"regress"`` or ``"tag"``.
        labels: label names in the order of their ids; empty for regression.
        sequence_length: pieces a row at most, start and end tokens included; at
            least 8, defaults to 128.
        segments: whether the encoder takes segment ids.

    Example:
        >>> preprocessor = TextPreprocessor(tokenizer, "classify", ("no", "yes"))
        >>> len(preprocessor.encode(Examples("text", ["a text"], ["yes"])))
        1
    """

    def __init__(
        self,
        tokenizer: Any,
        task: str = "classify",
        labels: Sequence[str] = (),
        sequence_length: int = 128,
        segments: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.tokenizer = tokenizer
        self.task = check_choice("task", task, TASKS)
        self.labels = tuple(labels)
        self.sequence_length = check_integer("sequence_length", sequence_length, low=8)
        self.segments = segments
        self._pieces: Pieces | None = None
        self.built = True

    @property
    def pieces(self) -> Pieces:
        """The tokenizer's pieces (a loaded tokenizer gets its vocabulary late)."""
        if self._pieces is None:
            self._pieces = Pieces(self.tokenizer)
        return self._pieces

    def encode(
        self,
        examples: Examples,
        *,
        sample_weight: Any = None,
        class_weight: Mapping[str, float] | None = None,
        cut: bool = False,
    ) -> Encoded:
        """A split, tokenised and packed.

        Args:
            examples: the split.
            sample_weight: one number a text, or None.
            class_weight: {label name: weight}, or None.
            cut: cut long word lists instead of reading them through windows.

        Raises:
            InputError: text no tokenizer can take (a NUL, a lone surrogate), a
                target that is no label, or examples of another kind.
        """
        if (examples.kind == "words") != (self.task == "tag"):
            raise InputError(
                f"a model for task {self.task!r} takes "
                f"{'lists of words' if self.task == 'tag' else 'texts or pairs'}; "
                f"got examples of kind {examples.kind!r}"
            )
        _check_text(examples)
        targets = None
        if examples.targets is not None:
            targets = encode_targets(examples.targets, self.task, self.labels)
        table = class_weights(class_weight, self.task, self.labels)
        weights = text_weights(examples, sample_weight, table, targets)
        length = self.sequence_length
        if examples.kind == "words":
            encoded = encode_words(
                self.pieces, examples, length, targets, weights, cut=cut
            )
        else:
            encoded = encode_texts(self.pieces, examples, length, targets, weights)
        return dataclasses.replace(encoded, source=examples)

    def batches(
        self, encoded: Encoded, batch_size: int, seed: int | None = None
    ) -> Batches:
        """An encoded split in batches, as this preprocessor's encoder takes them."""
        return Batches(
            encoded,
            batch_size,
            pad=self.pieces.pad,
            segments=self.segments,
            most=self.sequence_length,
            seed=seed,
        )

    def call(self, x: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """One batch, inside `tf.data`; what is already encoded passes through."""
        if isinstance(x, dict):
            return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
        if self.task == "tag":
            return self._call_words(x, y, sample_weight)
        pair = isinstance(x, (tuple, list)) and len(x) == 2
        columns = [tf.convert_to_tensor(part) for part in (x if pair else [x])]

        def pack(*columns: np.ndarray) -> tuple[np.ndarray, ...]:
            texts = [_strings(column) for column in columns]
            if pair:
                examples = Examples("pair", tuple(zip(*texts)))
            else:
                examples = Examples("text", tuple(texts[0]))
            return self._arrays(self.encode(examples))

        inputs = self._named(pack, columns)
        return keras.utils.pack_x_y_sample_weight(inputs, self._ids(y), sample_weight)

    def _call_words(self, x: Any, y: Any, sample_weight: Any) -> Any:
        x = _ragged(x)
        tags = x if y is None else _ragged(y)

        def pack(*columns: np.ndarray) -> tuple[np.ndarray, ...]:
            inputs, names = _rows(*columns[:2]), _rows(*columns[2:])
            examples = Examples("words", inputs, None if y is None else names)
            return self._arrays(self.encode(examples, cut=True))

        columns = [x.flat_values, x.row_lengths(), tags.flat_values, tags.row_lengths()]
        inputs = self._named(pack, columns)
        target = inputs.pop("tags")
        if y is None:
            target = None
        return keras.utils.pack_x_y_sample_weight(inputs, target, sample_weight)

    @property
    def _names(self) -> list[str]:
        """What the model takes, and, with words, their tags."""
        names = ["token_ids", "padding_mask"]
        names += ["segment_ids"] if self.segments else []
        return [*names, "word_positions", "tags"] if self.task == "tag" else names

    def _arrays(self, encoded: Encoded) -> tuple[np.ndarray, ...]:
        """An encoded batch, padded, in the order of `_names`."""
        size = len(encoded)
        x, *y = self.batches(encoded, max(size, 1)).collate(np.arange(size))
        if self.task == "tag":
            x["tags"] = y[0] if y else np.zeros((size, 0), "int32")
        return tuple(x[name] for name in self._names)

    def _named(self, pack: Any, arguments: Sequence[Any]) -> dict[str, Any]:
        """What `pack` makes of the arguments, by name, in a graph."""
        names = self._names
        arrays = tf.numpy_function(pack, arguments, [tf.int32] * len(names))
        for array in arrays:
            array.set_shape([None, None])
        return dict(zip(names, arrays))

    def _ids(self, y: Any) -> Any:
        """Label names of a batch as ids; numbers pass."""
        if y is None or tf.convert_to_tensor(y).dtype != tf.string:
            return y
        if self.task != "classify":
            raise InputError(f"`y` cannot be strings for task {self.task!r}")

        def look_up(names: np.ndarray) -> Any:
            return encode_targets(_strings(names), self.task, self.labels)

        ids = tf.numpy_function(look_up, [y], tf.int32)
        ids.set_shape([None])
        return ids

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "task": self.task,
            "labels": list(self.labels),
            "sequence_length": self.sequence_length,
            "segments": self.segments,
        }


def _check_text(examples: Examples) -> None:
    """Refuse what TensorFlow would cut in silence or choke on."""
    for i, row in enumerate(examples.inputs):
        text = row if isinstance(row, str) else "".join(row)
        if "\0" in text:
            raise InputError(f"row {i}: a NUL character in the text")
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            bad = text[error.start]
            raise InputError(f"row {i}: a lone surrogate {bad!r} in the text") from None


def _strings(column: np.ndarray) -> list[Any]:
    """Bytes as strings; numbers as they are."""
    return [
        value.decode("utf-8", "replace") if isinstance(value, bytes) else int(value)
        for value in column
    ]


def _rows(values: np.ndarray, sizes: np.ndarray) -> tuple[tuple[Any, ...], ...]:
    """Strings in rows of these sizes."""
    parts = np.split(values, np.cumsum(sizes)[:-1])
    return tuple(map(tuple, map(_strings, parts)))


def _ragged(x: Any) -> Any:
    if not isinstance(x, tf.RaggedTensor):
        raise InputError(
            "a tagger takes word lists: a `tf.data.Dataset` must give a "
            f"tf.RaggedTensor of words (and one of tags) a batch; got {x!r}"
        )
    return x
