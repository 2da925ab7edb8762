"""The world that the documentation speaks of, very small."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest

from tests import tiny_preset
from tests.tiny_preset import (
    save_tiny_preset,
    write_lines,
    write_pairs,
    write_sentences,
)

SIZES = {"train": 24, "dev": 8, "test": 8}
# Presets that the documentation names; all are the tiny one here.
NAMES = ("minilm", "bert_base_en_uncased")


@pytest.fixture(scope="session")
def preset(tmp_path_factory) -> Path:
    """A local preset with an encoder of 2 layers x 32."""
    return save_tiny_preset(tmp_path_factory.mktemp("presets") / "tiny")


@pytest.fixture
def world(tmp_path, monkeypatch, preset) -> Path:
    """A working directory with all files that the documentation names."""
    from tfreg import presets
    from tfreg.data import demo
    from tfreg.models.text_trainer import TextTrainer

    write_reviews(tmp_path / "reviews")
    write_pairs(tmp_path / "pairs", SIZES)
    write_sentences(tmp_path / "conll2003", SIZES)
    texts = [text for text, _ in tiny_preset.reviews(8)]
    write_lines(tmp_path / "new.txt", texts)

    locate, compile = presets._locate, TextTrainer.compile

    def located(name):
        return preset if str(name) in NAMES else locate(name)

    def compile_eagerly(model, *args, **kwargs):
        # Of a fit of three steps, nine tenths are the tracing of its graphs. That
        # these compute the same is for other tests.
        compile(model, *args, **{"run_eagerly": True, **kwargs})

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(presets, "_locate", located)
    monkeypatch.setattr(TextTrainer, "compile", compile_eagerly)
    monkeypatch.setattr(demo, "_REVIEWS", tuple(SIZES.values()))
    monkeypatch.setattr(demo, "_TWEETS", tuple(SIZES.values()))
    monkeypatch.setattr(demo, "reviews", lambda: reviews("negative", "positive"))
    monkeypatch.setattr(demo, "tweets", tweets)
    random.seed(0)
    return tmp_path


def write_reviews(folder: Path) -> None:
    """The labels are those that the documentation speaks of.

    A split's first text is there with both: no model is right on all of it, and a best
    temperature exists.
    """
    folder.mkdir()
    rows = iter(reviews("bad", "good"))
    for split, size in SIZES.items():
        (text, good), (_, bad), *others = islice(rows, size)
        lines = ["\t".join(row) for row in [(text, good), (text, bad), *others]]
        write_lines(folder / f"{split}.tsv", ["text\tlabel", *lines])


def reviews(low: str, high: str) -> list[tuple[str, str]]:
    """Texts with one of two labels."""
    rows = tiny_preset.reviews(sum(SIZES.values()))
    return [(text, high if kind == "pos" else low) for text, kind in rows]


def tweets() -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Sentences as words, each with their tags."""
    sentences = tiny_preset.sentences(sum(SIZES.values()))
    return [(words, tags) for words, tags in (zip(*one) for one in sentences)]
