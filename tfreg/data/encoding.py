"""From examples to packed rows of word pieces, each with its target."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfreg._checks import InputError
from tfreg.data.encoded import Encoded
from tfreg.data.examples import Examples
from tfreg.data.packing import cut_pair, join, windows
from tfreg.data.pieces import Pieces
from tfreg.data.targets import CONTEXT


def encode_texts(
    pieces: Pieces,
    examples: Examples,
    length: int,
    targets: Any = None,
    weights: np.ndarray | None = None,
) -> Encoded:
    """Texts or pairs, one row each, cut to ``length`` (of a pair, the longer first).

    Args:
        pieces: the tokenizer.
        examples: texts or pairs.
        length: pieces a row at most, start and end tokens included.
        targets, weights: one a text, already numbers.
    """
    rows: list[np.ndarray] = []
    second: list[int] = []
    cut = 0
    start, end, between = [pieces.start], [pieces.end], pieces.between
    if examples.kind == "pair":
        budget = length - 2 - len(between)
        firsts = pieces.of_texts([a for a, _ in examples.inputs])
        seconds = pieces.of_texts([b for _, b in examples.inputs])
        for a, b in zip(firsts, seconds):
            kept, rest = cut_pair(len(a), len(b), budget)
            cut += kept + rest < len(a) + len(b)
            rows.append(join([start, a[:kept], between, b[:rest], end]))
            begins = 1 + kept + len(between)
            second.append(len(rows[-1]) if pieces.is_roberta else begins)
    else:
        for text in pieces.of_texts(examples.inputs):
            cut += len(text) > length - 2
            rows.append(join([start, text[: length - 2], end]))
            second.append(len(rows[-1]))
    return Encoded(
        pieces=tuple(rows),
        second=np.array(second, "int64"),
        example=np.arange(len(rows)),
        examples=len(rows),
        cut=cut,
        targets=targets,
        weights=weights,
    )


def encode_words(
    pieces: Pieces,
    examples: Examples,
    length: int,
    targets: list[np.ndarray] | None = None,
    weights: list[np.ndarray] | None = None,
    *,
    cut: bool = False,
) -> Encoded:
    """Word lists, a row for each window of a sentence.

    Each word is answered for, and counted by the loss, in exactly one row.

    Args:
        pieces: the tokenizer.
        examples: word lists.
        length: pieces a row at most, start and end tokens included.
        targets, weights: one number a word.
        cut: keep only the first window, and answer for all words in it.
    """
    budget = length - 2
    by_word = pieces.of_words(examples.inputs, budget)
    found: dict[str, list[Any]] = {
        name: []
        for name in ("pieces", "example", "words", "answers", "targets", "weights")
    }
    lost = 0
    for number, words in enumerate(examples.inputs):
        sizes = [len(by_word[word]) for word in words]
        for first, end, begin, stop in windows(sizes, budget):
            if cut:
                stop = end
            inside = [by_word[word] for word in words[first:end]]
            starts = 1 + np.cumsum([0, *sizes[first:end]])[:-1]
            found["pieces"].append(join([[pieces.start], *inside, [pieces.end]]))
            found["words"].append(starts.astype("int32"))
            found["example"].append(number)
            found["answers"].append((begin - first, stop - first))
            for name, values, fill in (
                ("targets", targets, CONTEXT),
                ("weights", weights, 0),
            ):
                if values is not None:
                    row = np.full(end - first, fill, values[number].dtype)
                    row[begin - first : stop - first] = values[number][begin:stop]
                    found[name].append(row)
            if cut:
                lost += end < len(words)
                break
    return Encoded(
        pieces=tuple(found["pieces"]),
        second=np.array([len(row) for row in found["pieces"]], "int64"),
        example=np.array(found["example"], "int64"),
        examples=len(examples),
        cut=lost,
        words=tuple(found["words"]),
        answers=np.array(found["answers"], "int64").reshape(-1, 2),
        targets=None if targets is None else found["targets"],
        weights=None if weights is None else found["weights"],
    )


def text_weights(
    examples: Examples, sample_weight: Any, table: np.ndarray | None, targets: Any
) -> Any:
    """Sample weights times class weights: one a text, or (word lists) one a word.

    Raises:
        InputError: sample weights that are not one finite number a text; class
            weights without targets.
    """
    if table is not None and targets is None:
        raise InputError("`class_weight` has no meaning without targets")
    if sample_weight is None and table is None:
        return None
    each = np.ones(len(examples), "float32")
    if sample_weight is not None:
        each = np.asarray(sample_weight, "float32")
        if each.shape != (len(examples),):
            raise InputError(
                f"`sample_weight` must be one number for each of {len(examples)} "
                f"texts; got shape {each.shape}"
            )
        if not np.isfinite(each).all():
            raise InputError("`sample_weight` must be finite numbers")
    if examples.kind != "words":
        return each if table is None else each * table[targets]
    weights = []
    for i, (words, weight) in enumerate(zip(examples.inputs, each)):
        row = np.full(len(words), weight, "float32")
        weights.append(row if table is None else row * table[targets[i]])
    return weights
