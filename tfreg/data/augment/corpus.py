"""Training texts, and what a method says of them, with the same labels."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from tfreg._checks import DataWarning, InputError, fail
from tfreg.data.augment.answers import Answers
from tfreg.data.augment.rewriting import BackTranslation, Paraphrase
from tfreg.data.examples import Examples


def augment_corpus(
    examples: Examples,
    method: Paraphrase | BackTranslation,
    *,
    cache: str | os.PathLike[str],
) -> Examples:
    """The examples, followed by what a method says of them, with the same labels.

    Do it before a fit, to training texts alone. Every answer is kept in the cache as
    soon as there is one, by the text and the method's name and version: what was
    interrupted goes on where it stopped. A text that the method fails on gives no new
    row, is counted in a warning, and is tried again the next time. Nor does an answer
    that repeats its text, or another answer. A pair's new rows take the first answers
    of both texts together, then the second ones, as far as there are both.

    Args:
        examples: texts or pairs.
        method: what says them anew.
        cache: a folder, made if missing; several methods may share it.

    Raises:
        InputError: tagged words, which no answer's tags could be told of; a method or
            folder of another kind; all texts failed.

    Example:
        >>> train = Examples("text", ["good", "bad"], ["pos", "neg"])
        >>> very = Paraphrase(lambda text: f"very {text}", name="very")
        >>> more = augment_corpus(train, very, cache=getfixture("tmp_path"))
        >>> more.inputs, more.targets
        (('good', 'bad', 'very good', 'very bad'), ('pos', 'neg', 'pos', 'neg'))
    """
    if not isinstance(examples, Examples):
        raise fail("examples", "Examples, as a corpus has them", examples)
    if not isinstance(method, (Paraphrase, BackTranslation)):
        raise fail("method", "a Paraphrase or a BackTranslation", method)
    if not isinstance(cache, (str, os.PathLike)):
        raise fail("cache", "a folder", cache)
    if examples.kind == "words":
        raise InputError("`examples`: tags cannot follow words that are said anew")
    rows = [row if examples.kind == "pair" else (row,) for row in examples.inputs]
    with Answers(cache, method.name, method.version) as answers:
        failed = _ask(method, (text for row in rows for text in row), answers)
        new = [
            (number, said)
            for number, row in enumerate(rows)
            if not any(text in failed for text in row)
            for said in _new_rows(row, [answers[text] for text in row])
        ]
    lost = [i for i, row in enumerate(rows) if any(text in failed for text in row)]
    if lost:
        first = next(failed[text] for text in rows[lost[0]] if text in failed)
        message = f"{method.name}: {len(lost)} of {len(rows)} rows failed"
        if len(lost) == len(rows):
            raise InputError(f"{message}; the first: {first}")
        warnings.warn(
            f"{message} (first row {lost[0]}: {first})", DataWarning, stacklevel=2
        )
    inputs = [said if examples.kind == "pair" else said[0] for _, said in new]
    targets = examples.targets
    return Examples(
        examples.kind,
        (*examples.inputs, *inputs),
        None if targets is None else (*targets, *(targets[row] for row, _ in new)),
    )


def _ask(method: Any, texts: Iterable[str], answers: Answers) -> dict[str, str]:
    """Have all texts answered; the texts that failed, and why."""
    failed = {}
    for text in dict.fromkeys(texts):
        if text in answers:
            continue
        try:
            said = method(text)
        except Exception as error:  # whatever a user's function may raise
            failed[text] = f"{type(error).__name__}: {error}"
        else:
            answers[text] = said
    return failed


def _new_rows(
    row: tuple[str, ...], answers: list[tuple[str, ...]]
) -> Iterator[tuple[str, ...]]:
    """What is said of a row that it does not say already."""
    seen = {row}
    for said in zip(*answers):
        if said not in seen:
            seen.add(said)
            yield said
