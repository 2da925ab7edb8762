"""A model's answers as lines of text: tsv, jsonl or CoNLL."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from tfreg._checks import InputError

FORMATS = ("tsv", "jsonl", "conll")


def answer_writer(
    format: str, task: str, labels: Sequence[str] = ()
) -> Callable[[Any, Any], str]:
    """The function that turns an input and the model's answer into text.

    Args:
        format: ``"tsv"``, ``"jsonl"`` or (taggers) ``"conll"``.
        task: ``"classify"``, ``"multilabel"``, ``"regress"`` or ``"tag"``.
        labels: names the model may answer with.

    Returns:
        A function of an input and a `Prediction`, a number (regression) or one
        `Prediction` a word (tagging). Its text ends in a line break.

    Raises:
        InputError: the format cannot hold the answers; the function raises it for
            words that it cannot hold.

    Example:
        >>> answer_writer("tsv", "regress")("a text", 2.5)
        '2.5\\n'
    """
    if format == "conll" and task != "tag":
        raise InputError("--format conll: only taggers answer in CoNLL columns")
    if format != "jsonl":
        for label in labels:
            _check(format, "label", label, _BETWEEN.get((format, task), ""))
    return _WRITERS[format, task]


def _check(format: str, what: str, text: str, between: str = "") -> None:
    """Refuse what would end its cell or line too early, or be taken for two.

    Raises:
        InputError: naming it.
    """
    if any(sign in text for sign in f"\t\n\r{between}"):
        raise InputError(
            f"--format {format}: cannot hold the {what} {text!r}; use jsonl"
        )


def _tsv_label(_: Any, answer: Any) -> str:
    return f"{answer.label}\t{answer.probability:.6f}\n"


def _tsv_labels(_: Any, answer: Any) -> str:
    return f"{','.join(answer.label)}\t{answer.probability:.6f}\n"


def _tsv_number(_: Any, answer: float) -> str:
    return f"{answer:.6g}\n"


def _tsv_tags(_: Any, answer: Sequence[Any]) -> str:
    """The tags, and the probability of the least certain one."""
    least = min((word.probability for word in answer), default=1.0)
    return f"{' '.join(word.label for word in answer)}\t{least:.6f}\n"


def _jsonl_label(_: Any, answer: Any) -> str:
    probabilities = {k: _round(v) for k, v in answer.probabilities.items()}
    label = answer.label if isinstance(answer.label, str) else list(answer.label)
    return _json(
        label=label,
        probability=_round(answer.probability),
        probabilities=probabilities,
    )


def _jsonl_number(_: Any, answer: float) -> str:
    return _json(prediction=_round(answer))


def _jsonl_tags(words: Sequence[str], answer: Sequence[Any]) -> str:
    return _json(
        words=list(words),
        tags=[word.label for word in answer],
        probabilities=[_round(word.probability) for word in answer],
    )


def _conll_tags(words: Sequence[str], answer: Sequence[Any]) -> str:
    for word in words:
        if not word:
            raise InputError("--format conll: cannot hold an empty word; use jsonl")
        _check("conll", "word", word, " ")
    lines = [f"{word} {said.label}\n" for word, said in zip(words, answer)]
    return "".join(lines) + "\n"


def _json(**content: Any) -> str:
    return json.dumps(content, ensure_ascii=False) + "\n"


def _round(number: Any) -> float:
    return round(float(number), 6)


# What stands between the labels of a line.
_BETWEEN = {("tsv", "multilabel"): ",", ("tsv", "tag"): " ", ("conll", "tag"): " "}

_WRITERS: dict[tuple[str, str], Callable[[Any, Any], str]] = {
    ("tsv", "classify"): _tsv_label,
    ("tsv", "multilabel"): _tsv_labels,
    ("tsv", "regress"): _tsv_number,
    ("tsv", "tag"): _tsv_tags,
    ("jsonl", "classify"): _jsonl_label,
    ("jsonl", "multilabel"): _jsonl_label,
    ("jsonl", "regress"): _jsonl_number,
    ("jsonl", "tag"): _jsonl_tags,
    ("conll", "tag"): _conll_tags,
}
