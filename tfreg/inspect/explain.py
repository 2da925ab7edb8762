"""Which words a prediction stands on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras_hub
import numpy as np
from keras import ops

from tfreg._checks import InputError, check_integer, fail
from tfreg.data.inputs import as_examples
from tfreg.inspect.explanation import Explanation
from tfreg.inspect.integrated_gradients import integrated_gradients


def explain(
    model: Any, texts: Any, target: str | None = None, steps: int = 64
) -> list[Explanation]:
    """What each word adds to what a model says: integrated gradients.

    For each word the sum, over its pieces, of (e − e⁰)·∫₀¹ ∇f(e⁰ + t(e − e⁰)) dt: e are
    the embeddings that enter the first block, e⁰ those of the same text with every
    piece hidden (``[MASK]``, or what the encoder has in its place), and f the
    probability of a label (a regressor's number). The parts add up to f(e) − f(e⁰).
    They say what moves this model from this start; they are no causes in the world.

    Args:
        model: a tfreg model with a tokenizer.
        texts: what `predict` takes as lists: texts, pairs, word lists, or `Examples`.
        target: the label to explain; by default the most probable one of each text. Of
            a tagger: words with this tag; by default all words that are not ``O``.
        steps: points on the line from e⁰ to e, at least 1; a larger `gap` asks for
            more. Time goes with it.

    Returns:
        One `Explanation` a text, in order; of a tagger one a word that has the tag
        (with a `CRF` head it is the share of that word's emissions). They show
        themselves in notebooks, and have `print()` and `html()`. Words beyond
        ``sequence_length`` have no part in a prediction, and are left out.

    Raises:
        InputError: an unknown label, or a model that takes ids only.

    Example:
        >>> found = explain(model, ["a good text"], target="good", steps=8)[0]
        >>> found.words, len(found.parts)
        (('a', 'good', 'text'), 3)

    Sundararajan et al. (2017), "Axiomatic Attribution for Deep Networks", equation 1;
    the paper's start for texts are embeddings of zero, which no piece has.
    """
    check_integer("steps", steps, low=1)
    if target is not None and target not in model.labels:
        raise fail("target", f"one of {', '.join(model.labels) or 'no labels'}", target)
    examples = as_examples(texts, None, model.task)
    if examples is None:
        raise InputError("`texts` must be lists of texts, pairs or words")
    encoded = model.encode(examples)
    rows = _Rows(model, encoded)
    if model.task == "tag":
        return list(_of_words(rows, examples.inputs, target, steps))
    return [_of_text(rows, row, target, steps) for row in range(len(encoded))]


class _Rows:
    """Encoded rows, and what they are where all is hidden."""

    def __init__(self, model: Any, encoded: Any) -> None:
        self.model = model
        self.encoded = encoded
        self.pieces = model.preprocessor.pieces
        self._batches = model.preprocessor.batches(encoded, 1)

    def inputs(self, row: int) -> dict[str, Any]:
        return self._batches.collate(np.array([row]))[0]

    def explained(self, row: int, read: Callable[[Any], Any], steps: int) -> Any:
        x = self.inputs(row)
        ids = x["token_ids"]
        special = np.isin(ids, self.pieces.special)
        hidden = np.where(special, ids, self.pieces.hiding).astype(ids.dtype)
        return integrated_gradients(self.model, x, hidden, read, steps)


def _of_text(rows: _Rows, row: int, target: str | None, steps: int) -> Explanation:
    model, ids = rows.model, rows.encoded.pieces[row]
    label: str | None = None
    if model.task == "regress":

        def read(outputs: Any) -> Any:
            return outputs[:, 0]

    else:
        logits = ops.convert_to_numpy(model(rows.inputs(row), training=False))[0]
        number = model.labels.index(target) if target else int(logits.argmax())
        label = model.labels[number]
        share = ops.sigmoid if model.task == "multilabel" else ops.softmax

        def read(outputs: Any) -> Any:
            return share(outputs)[:, number]

    found = rows.explained(row, read, steps)
    words, parts = [], []
    for places in word_places(rows.pieces, ids):
        words.append(spelled(rows.pieces.tokenizer, ids[places]))
        parts.append(float(found.pieces[places].sum()))
    return Explanation(
        tuple(words), tuple(parts), label, found.value, found.hidden, found.gap
    )


def _of_words(
    rows: _Rows, sentences: Any, target: str | None, steps: int
) -> Iterator[Explanation]:
    model, encoded = rows.model, rows.encoded
    said = [[each.label for each in tags] for tags in model.predict_labels(encoded)]
    begun = [0] * len(sentences)  # words that rows before have answered for
    for row, (first, end) in enumerate(encoded.answers):
        number = int(encoded.example[row])
        begin = begun[number] - int(first)  # the row's first word, in its sentence
        begun[number] += int(end - first)
        starts = [*encoded.words[row], len(encoded.pieces[row]) - 1]
        for place in range(int(first), int(end)):
            tag = said[number][begin + place]
            if tag == target or target is None and tag != "O":
                tag_id = model.labels.index(tag)

                def read(outputs: Any, place: int = place, tag_id: int = tag_id) -> Any:
                    return ops.softmax(outputs[:, place])[:, tag_id]

                found = rows.explained(row, read, steps)
                parts = [
                    float(found.pieces[a:b].sum()) for a, b in zip(starts, starts[1:])
                ]
                yield Explanation(
                    tuple(sentences[number][begin : begin + len(parts)]),
                    tuple(parts),
                    tag,
                    found.value,
                    found.hidden,
                    found.gap,
                    place,
                )


def word_places(pieces: Any, ids: np.ndarray) -> list[np.ndarray]:
    """The places of each word's pieces in a row, without special ones."""
    found: list[list[int]] = []
    special, before = set(pieces.special), True
    for place, number in enumerate(ids.tolist()):
        if number in special:
            before = True
            continue
        if before or begins_word(pieces.tokenizer, number):
            found.append([])
        found[-1].append(place)
        before = False
    return [np.array(places) for places in found]


def begins_word(tokenizer: Any, number: int) -> bool:
    """Whether a piece begins a word, as its tokenizer writes it."""
    token = tokenizer.id_to_token(number)
    if isinstance(tokenizer, keras_hub.tokenizers.WordPieceTokenizer):
        return not token.startswith(tokenizer.suffix_indicator)
    return token.startswith(("▁", "Ġ"))


def spelled(tokenizer: Any, ids: np.ndarray) -> str:
    """The word that some pieces are, as the tokenizer knows it."""
    text = tokenizer.detokenize(ids.tolist())
    return str(text).strip()
