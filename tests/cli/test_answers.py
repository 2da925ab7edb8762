"""Answers as lines: each format of each task, exactly."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from tfreg._checks import InputError
from tfreg.cli.answers import answer_writer


def said(label, probability, **probabilities):
    return SimpleNamespace(
        label=label, probability=probability, probabilities=probabilities
    )


ONE = said("pos", 0.75, neg=0.25, pos=0.75)
MANY = said(("a", "b"), 0.5, a=0.9, b=0.5, c=0.1)
NONE = said((), 0.8, a=0.2)
TAGS = [said("B-PER", 0.5), said("O", 0.25)]
WORDS = ("Ada", "spoke")


@pytest.mark.parametrize(
    "format, task, row, answer, text",
    [
        ("tsv", "classify", "x", ONE, "pos\t0.750000\n"),
        ("tsv", "multilabel", "x", MANY, "a,b\t0.500000\n"),
        ("tsv", "multilabel", "x", NONE, "\t0.800000\n"),
        ("tsv", "regress", "x", 2.5, "2.5\n"),
        ("tsv", "regress", "x", -1.23456789, "-1.23457\n"),
        ("tsv", "tag", WORDS, TAGS, "B-PER O\t0.250000\n"),
        ("tsv", "tag", (), [], "\t1.000000\n"),
        ("conll", "tag", WORDS, TAGS, "Ada B-PER\nspoke O\n\n"),
        ("conll", "tag", (), [], "\n"),
    ],
)
def test_lines(format, task, row, answer, text):
    assert answer_writer(format, task, ())(row, answer) == text


@pytest.mark.parametrize(
    "task, row, answer, content",
    [
        (
            "classify",
            "x",
            ONE,
            {
                "label": "pos",
                "probability": 0.75,
                "probabilities": {"neg": 0.25, "pos": 0.75},
            },
        ),
        (
            "multilabel",
            "x",
            NONE,
            {"label": [], "probability": 0.8, "probabilities": {"a": 0.2}},
        ),
        ("regress", "x", 2.5, {"prediction": 2.5}),
        (
            "tag",
            WORDS,
            TAGS,
            {
                "words": ["Ada", "spoke"],
                "tags": ["B-PER", "O"],
                "probabilities": [0.5, 0.25],
            },
        ),
    ],
)
def test_jsonl(task, row, answer, content):
    line = answer_writer("jsonl", task)(row, answer)
    assert line.count("\n") == 1 and line.endswith("\n")
    assert json.loads(line) == content


def test_jsonl_holds_any_label():
    line = answer_writer("jsonl", "classify", ["a\tb"])("x", said("a\tb\n中", 1.0))
    assert json.loads(line)["label"] == "a\tb\n中" and "中" in line


def test_tsv_refuses_labels_that_would_break_its_lines():
    with pytest.raises(InputError, match=r"cannot hold the label 'a\\tb'; use jsonl"):
        answer_writer("tsv", "classify", ["ok", "a\tb"])


def test_conll_is_for_taggers():
    with pytest.raises(InputError, match="only taggers"):
        answer_writer("conll", "classify", ["a"])


@pytest.mark.parametrize(
    ("format", "task", "label"),
    [("tsv", "multilabel", "a,b"), ("tsv", "tag", "B-a b"), ("conll", "tag", "B-a b")],
)
def test_labels_that_would_be_taken_for_two_are_refused(format, task, label):
    with pytest.raises(InputError, match=f"cannot hold the label '{label}'; use jsonl"):
        answer_writer(format, task, ["O", label])
    answer_writer("tsv", "classify", [label])


@pytest.mark.parametrize("word", ["công ty", "", "a\n", "a\tb"])
def test_words_that_would_be_taken_for_others_are_refused(word):
    write = answer_writer("conll", "tag", ["O"])
    with pytest.raises(InputError, match="--format conll: cannot hold .*; use jsonl"):
        write(("a", word), [said("O", 0.5)] * 2)
    answer_writer("jsonl", "tag", ["O"])(("a", word), [said("O", 0.5)] * 2)
    assert write(("\u00a0",), [said("O", 0.5)]) == "\u00a0 O\n\n"
