"""`tfreg explain`: words of texts and of tagged words, and a page."""

from __future__ import annotations

import io
import sys

import pytest

from tests.tiny_preset import write_reviews, write_sentences
from tfreg.cli import main

SIZES = {"train": 16, "dev": 8}
QUICK = "--epochs 1 --batch-size 8 --sequence-length 16 --quiet".split()


@pytest.fixture(scope="module")
def runs(tmp_path_factory, preset):
    """A classifier's run folder, and a tagger's."""
    place = tmp_path_factory.mktemp("explain")
    films = write_reviews(place / "films", SIZES)
    names = write_sentences(place / "names", SIZES)
    for task, data, out in (("classify", films, "c"), ("tag", names, "t")):
        given = ["--data", str(data), "--preset", preset, "--out", str(place / out)]
        assert main(["train", task, *given, *QUICK]) == 0
    return place


def give(monkeypatch, text):
    stdin = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", stdin)


def test_texts_and_a_page(runs, monkeypatch, capsys, tmp_path):
    give(monkeypatch, "the film was good\nthe film was bad\n")
    page = tmp_path / "page.html"
    words = ["explain", str(runs / "c"), "--steps", "4", "--html", str(page)]
    assert main([*words, "--target", "neg"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("neg 0.") for line in lines) == 2
    assert "the film was good" in lines and lines[-1] == f"page: {page}"
    text = page.read_text(encoding="utf-8")
    assert text.count("<p>") == 2 and "films: which words" in text


def test_words_of_a_tagger(runs, capsys, tmp_path):
    file = tmp_path / "new.conll"
    file.write_text("Ada\nlives\nin\nRome\n\nBob\n")
    assert main(["explain", str(runs / "t"), str(file), "--target", "O"]) == 0
    titles = [line for line in capsys.readouterr().out.splitlines() if ": O " in line]
    assert {title.partition(":")[0] for title in titles} <= {
        "Ada", "lives", "in", "Rome", "Bob",
    }  # fmt: skip


@pytest.mark.parametrize(
    "words, message",
    [
        (["--target", "maybe"], "--target maybe: the run's labels are neg, pos"),
        (["--steps", "0"], "--steps: expected at least 1; got 0"),
        (["--html", "no/such/page.html"], "--html no/such/page.html: not a file"),
        (["--input-format", "conll"], "not CoNLL columns"),
    ],
)
def test_wrong_words_end_in_one_line(runs, capsys, monkeypatch, words, message):
    give(monkeypatch, "a film\n")
    assert main(["explain", str(runs / "c"), *words]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
