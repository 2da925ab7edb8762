"""A tiny preset, and corpora of every task that it can learn something of."""

from __future__ import annotations

import pytest

from tests.tiny_preset import reviews, save_tiny_preset, sentences
from tfreg.data.corpus import Corpus
from tfreg.data.examples import Examples


@pytest.fixture(scope="session")
def preset(tmp_path_factory) -> str:
    """A local preset with an encoder of 2 layers x 32."""
    return str(save_tiny_preset(tmp_path_factory.mktemp("presets") / "tiny"))


def _split(task: str, first: int, last: int) -> Examples:
    if task == "tag":
        rows = sentences(last)[first:]
        words = [[word for word, _ in row] for row in rows]
        return Examples("words", words, [[tag for _, tag in row] for row in rows])
    texts, names = zip(*reviews(last)[first:])
    targets = {
        "classify": names,
        "multilabel": [
            (name, "odd") if n % 2 else (name,) for n, name in enumerate(names)
        ],
        "regress": [
            70.0 + 10 * (name == "pos") + n % 3 for n, name in enumerate(names)
        ],
    }
    return Examples("text", texts, targets[task])


_LABELS = {
    "classify": ("neg", "pos"),
    "multilabel": ("neg", "odd", "pos"),
    "regress": (),
    "tag": ("B-LOC", "B-PER", "O"),
}


def corpus_of(task: str) -> Corpus:
    """24 rows to train on, 12 of dev."""
    train, dev = _split(task, 0, 24), _split(task, 24, 36)
    return Corpus(task, train, dev, labels=_LABELS[task])
