"""From raw text to what an encoder takes; kept, and saved, inside the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import keras_hub
import numpy as np
import tensorflow as tf

from tfreg._checks import InputError, check_choice, check_integer
from tfreg.data.batches import pad_rows, rung
from tfreg.data.encoded import Encoded
from tfreg.data.examples import Examples
from tfreg.data.packing import cut_pair, join, windows
from tfreg.data.targets import NOT_A_WORD, TASKS, class_weights, encode_targets

_TOKENIZED_AT_ONCE = 1024


@keras.saving.register_keras_serializable("tfreg")
class TextPreprocessor(keras_hub.models.Preprocessor):
    """Texts, pairs or word lists as packed word pieces, and label names as ids.

    `encode` tokenises a whole split once; called on a batch (in a `tf.data` pipeline)
    it does the same with one batch. Every word gets at least one piece: those the
    tokenizer has none for get the unknown piece.

    Args:
        tokenizer: a KerasHub tokenizer.
        task: ``"classify"``, ``"multilabel"``, ``"regress"`` or ``"tag"``.
        labels: label names in the order of their ids; empty for regression.
        sequence_length: pieces a row at most, start and end tokens included.
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
        self._pieces = tf.function(
            lambda texts: tokenizer(texts),
            input_signature=[tf.TensorSpec([None], tf.string)],
        )

    @property
    def start(self) -> int:
        """Id of the token every row starts with."""
        return self._special("start_token_id", "cls_token_id")

    @property
    def end(self) -> int:
        """Id of the token after each text."""
        return self._special("end_token_id", "sep_token_id")

    @property
    def pad(self) -> int:
        """Id of the padding token."""
        return self._special("pad_token_id")

    @property
    def unknown(self) -> int:
        """Id of the piece that stands for a word without pieces."""
        vocabulary = set(self.tokenizer.get_vocabulary())
        for token in ("[UNK]", "<unk>", "[MASK]", "<mask>"):
            if token in vocabulary:
                return self.tokenizer.token_to_id(token)
        return self.end

    @property
    def kind(self) -> str:
        """What one input is for this task; pairs are recognised by themselves."""
        return "words" if self.task == "tag" else "text"

    def tokenize(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The ids of each text's pieces, without special tokens."""
        result: list[np.ndarray] = []
        for start in range(0, len(texts), _TOKENIZED_AT_ONCE):
            part = [text.encode("utf-8") for text in texts[start:][:_TOKENIZED_AT_ONCE]]
            ragged = self._pieces(tf.constant(part, tf.string))
            flat = ragged.flat_values.numpy().astype("int32")
            result += np.split(flat, ragged.row_splits.numpy()[1:-1])
        return result

    def encode(
        self,
        examples: Examples,
        *,
        sample_weight: Any = None,
        class_weight: Any = None,
        cut: bool = False,
    ) -> Encoded:
        """A split, tokenised and packed.

        Args:
            examples: the split.
            sample_weight: one number a text, or None.
            class_weight: {label name: weight}, or None.
            cut: cut long tagged texts instead of reading them through windows.

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
        if examples.kind == "words":
            return self._encode_words(examples, targets, sample_weight, table, cut)
        if examples.kind == "pair":
            return self._encode_texts(
                examples, targets, sample_weight, table, pair=True
            )
        return self._encode_texts(examples, targets, sample_weight, table, pair=False)

    def _encode_texts(
        self, examples: Examples, targets: Any, weight: Any, table: Any, *, pair: bool
    ) -> Encoded:
        pieces: list[np.ndarray] = []
        second = np.zeros(len(examples), "int64")
        cut = 0
        if pair:
            between = [self.end, self.end] if self._doubles_end() else [self.end]
            budget = self.sequence_length - 2 - len(between)
            firsts = self.tokenize([a for a, _ in examples.inputs])
            seconds = self.tokenize([b for _, b in examples.inputs])
            for i, (a, b) in enumerate(zip(firsts, seconds)):
                first, last = cut_pair(len(a), len(b), budget)
                cut += first + last < len(a) + len(b)
                row = join([[self.start], a[:first], between, b[:last], [self.end]])
                pieces.append(row)
                second[i] = 1 + first + len(between)
        else:
            budget = self.sequence_length - 2
            for i, text in enumerate(self.tokenize(examples.inputs)):
                cut += len(text) > budget
                pieces.append(join([[self.start], text[:budget], [self.end]]))
                second[i] = len(pieces[-1])
        weights = None if weight is None else np.asarray(weight, "float32")
        if weights is not None and weights.shape != (len(examples),):
            raise InputError(
                f"`sample_weight` must be one number for each of {len(examples)} texts; "
                f"got shape {weights.shape}"
            )
        if table is not None and targets is not None:
            weights = table[targets] * (1.0 if weights is None else weights)
        return Encoded(
            pieces=tuple(pieces),
            second=second,
            example=np.arange(len(examples)),
            examples=len(examples),
            cut=int(cut),
            targets=targets,
            weights=weights,
        )

    def _encode_words(
        self, examples: Examples, targets: Any, weight: Any, table: Any, cut: bool
    ) -> Encoded:
        budget = self.sequence_length - 2
        by_word = self._tokenize_words(examples.inputs, budget)
        rows: list[np.ndarray] = []
        positions: list[np.ndarray] = []
        ids: list[np.ndarray] = []
        weights: list[np.ndarray] = []
        example: list[int] = []
        answers: list[tuple[int, int]] = []
        long = 0
        for number, words in enumerate(examples.inputs):
            sizes = [len(by_word[word]) for word in words]
            for turn, (first, end, begin, stop) in enumerate(windows(sizes, budget)):
                if turn and cut:
                    break
                parts = [by_word[word] for word in words[first:end]]
                rows.append(join([[self.start], *parts, [self.end]]))
                starts = 1 + np.cumsum([0, *sizes[first:end]])[:-1]
                positions.append(starts.astype("int32"))
                example.append(number)
                stop = end if cut else stop
                answers.append((begin - first, stop - first))
                long += turn == 0 and end < len(words)
                if targets is None:
                    continue
                tags = np.full(end - first, NOT_A_WORD, "int32")
                tags[begin - first : stop - first] = targets[number][begin:stop]
                ids.append(tags)
                if table is not None or weight is not None:
                    value = np.ones(end - first, "float32")
                    if table is not None:
                        value *= table[np.maximum(tags, 0)]
                    if weight is not None:
                        value *= np.float32(weight[number])
                    weights.append(value)
        return Encoded(
            pieces=tuple(rows),
            second=np.array([len(row) for row in rows], "int64"),
            example=np.array(example, "int64"),
            examples=len(examples),
            cut=int(long) if cut else 0,
            words=tuple(positions),
            answers=np.array(answers, "int64").reshape(-1, 2),
            targets=ids if targets is not None else None,
            weights=weights or None,
        )

    def _tokenize_words(
        self, sentences: Sequence[Sequence[str]], budget: int
    ) -> dict[str, np.ndarray]:
        """The pieces of each different word: at least one, at most a window."""
        words = list(dict.fromkeys(word for words in sentences for word in words))
        # Byte-pair vocabularies spell a word differently after a space, and in
        # running text it almost always follows one.
        spaced = isinstance(self.tokenizer, keras_hub.tokenizers.BytePairTokenizer)
        texts = [" " + word for word in words] if spaced else words
        unknown = np.array([self.unknown], "int32")
        return {
            word: pieces[:budget] if len(pieces) else unknown
            for word, pieces in zip(words, self.tokenize(texts))
        }

    def call(self, x: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """One batch, inside `tf.data`; what is already encoded passes through."""
        if isinstance(x, dict):
            return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
        if self.task == "tag":
            return self._call_words(x, y, sample_weight)
        pair = isinstance(x, (tuple, list)) and len(x) == 2 and tf.rank(x[0]) == 1
        texts = [tf.convert_to_tensor(part) for part in (x if pair else [x])]

        def pack(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
            columns = [[text.decode("utf-8") for text in array] for array in arrays]
            inputs = list(zip(*columns)) if pair else columns[0]
            encoded = self.encode(Examples("pair" if pair else "text", inputs))
            return self._pad(encoded)

        inputs = self._named(tf.numpy_function(pack, texts, [tf.int32] * 3))
        return keras.utils.pack_x_y_sample_weight(inputs, self._ids(y), sample_weight)

    def _call_words(self, x: Any, y: Any, sample_weight: Any) -> Any:
        x = _ragged(x)
        tags = x if y is None else _ragged(y)
        by_name = y is None or tags.dtype == tf.string

        def pack(words: Any, sizes: Any, tags: Any) -> tuple[np.ndarray, ...]:
            cuts = np.cumsum(sizes)[:-1]
            text = [[w.decode("utf-8") for w in row] for row in np.split(words, cuts)]
            names = [
                [t.decode("utf-8") if by_name else int(t) for t in row]
                for row in np.split(tags, cuts)
            ]
            examples = Examples("words", text, None if y is None else names)
            encoded = self.encode(examples, cut=True)
            packed = self._pad(encoded)
            length = packed[0].shape[1]
            ids = encoded.targets or [np.zeros(0, "int32")] * len(encoded)
            assert encoded.words is not None
            return (
                *packed,
                pad_rows(list(encoded.words), length),
                pad_rows(ids, length, NOT_A_WORD),
            )

        arguments = [x.flat_values, x.row_lengths(), tags.flat_values]
        *packed, positions, ids = tf.numpy_function(pack, arguments, [tf.int32] * 5)
        inputs = self._named(packed)
        inputs["word_positions"] = _matrix(positions)
        target = None if y is None else _matrix(ids)
        return keras.utils.pack_x_y_sample_weight(inputs, target, sample_weight)

    def _pad(self, encoded: Encoded) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        length = rung(int(encoded.lengths.max(initial=1)))
        mask = pad_rows([np.ones(len(row), "int32") for row in encoded.pieces], length)
        after = np.arange(length)[None, :] >= encoded.second[:, None]
        segments = (after & (mask > 0)).astype("int32")
        return pad_rows(list(encoded.pieces), length, self.pad), mask, segments

    def _named(self, arrays: Sequence[Any]) -> dict[str, Any]:
        ids, mask, segments = map(_matrix, arrays)
        named = {"token_ids": ids, "padding_mask": mask}
        if self.segments:
            named["segment_ids"] = segments
        return named

    def _ids(self, y: Any) -> Any:
        """Label names of a batch as ids; numbers pass."""
        if y is None or tf.convert_to_tensor(y).dtype != tf.string:
            return y

        def look_up(names: np.ndarray) -> Any:
            return encode_targets(list(names), self.task, self.labels)

        if self.task != "classify":
            raise InputError(f"`y` cannot be strings for task {self.task!r}")
        ids = tf.numpy_function(look_up, [y], tf.int32)
        ids.set_shape([None])
        return ids

    def _special(self, *names: str) -> int:
        for name in names:
            value = getattr(self.tokenizer, name, None)
            if value is not None:
                return int(value)
        raise InputError(
            f"{type(self.tokenizer).__name__} has no {names[0].replace('_id', '')}"
        )

    def _doubles_end(self) -> bool:
        """RoBERTa puts two end tokens between the texts of a pair."""
        return isinstance(
            self.tokenizer,
            (
                keras_hub.tokenizers.RobertaTokenizer,
                keras_hub.tokenizers.XLMRobertaTokenizer,
            ),
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "task": self.task,
            "labels": list(self.labels),
            "sequence_length": self.sequence_length,
            "segments": self.segments,
        }


def _check_text(examples: Examples) -> None:
    """Refuse what TensorFlow would cut or choke on."""
    for i, row in enumerate(examples.inputs):
        text = row if isinstance(row, str) else "".join(row)
        if "\0" in text:
            raise InputError(f"row {i}: a NUL character in the text")
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            bad = text[error.start]
            raise InputError(f"row {i}: a lone surrogate {bad!r} in the text") from None


def _matrix(tensor: Any) -> Any:
    tensor.set_shape([None, None])
    return tensor


def _ragged(x: Any) -> Any:
    if not isinstance(x, tf.RaggedTensor):
        raise InputError(
            "a tagger takes word lists: a `tf.data.Dataset` must give a "
            f"tf.RaggedTensor of words (and one of tags) a batch; got {x!r}"
        )
    return x
