"""``tfreg search``, from files to recipes."""

from __future__ import annotations

import csv
import json

import pytest

from tests.tiny_preset import write_reviews
from tfreg.cli import main
from tfreg.recipe import Recipe


@pytest.fixture
def words(tmp_path, preset):
    data = write_reviews(tmp_path / "films", {"train": 24, "dev": 8})
    return [
        *("search", "classify", "--data", str(data), "--preset", preset),
        *("--sequence-length", "16", "--epochs", "1", "--out", str(tmp_path / "out")),
    ]


def test_a_search_and_its_going_on(words, tmp_path, capsys):
    words += ["--search", "l2=log:1e-6:0.1", "--search", "batch-size=choice:4,8"]
    assert main([*words, "--trials", "1"]) == 0
    out = capsys.readouterr().out
    assert "trial default: " in out and "trial 0: " in out and "batch_size " in out
    assert f"--config {tmp_path}/out/best.json" in out
    assert main([*words, "--trials", "2"]) == 0
    assert "trial 0: " not in capsys.readouterr().out
    with (tmp_path / "out" / "trials.csv").open(newline="") as file:
        assert [row["trial"] for row in csv.DictReader(file)] == ["default", "0", "1"]
    assert Recipe.from_json(tmp_path / "out" / "best.json").epochs == 1
    assert main([*words, "--trials", "2", "--seeds", "2"]) == 2
    assert "seeds was 1, is 2" in capsys.readouterr().err


def test_a_space_from_a_file(words, tmp_path):
    space = tmp_path / "space.json"
    space.write_text(json.dumps({"dropout": "choice:0.1,0.3"}))
    assert main([*words, "--space", str(space), "--tuner", "grid"]) == 0
    with (tmp_path / "out" / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["dropout"] for row in rows} == {"", "0.1", "0.3"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--search", "l2"], "--search is written as NAME=RANGE"),
        (["--search", "l2=log:1:2", "--search", "l2=log:1:3"], "l2 is given twice"),
        (["--search", "l2=log:1:0"], "`space['l2']`: `high` must be a number"),
        (["--search", "l9=log:1:2"], "'l9' cannot be searched"),
        (["--search", "l2=log:1:2", "--space", "x"], "cannot be combined"),
        (["--space", "no/such.json"], "no/such.json: No such file"),
        (["--tuner", "tpe"], "--tuner: invalid choice: 'tpe'"),
        (["--trials", "0"], "`trials` must be an integer of at least 1; got 0"),
        (["--metric", "f1"], "`metric` must be one of 'accuracy'"),
    ],
)
def test_refused_in_one_line(words, more, said, capsys):
    assert main([*words, *more]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
