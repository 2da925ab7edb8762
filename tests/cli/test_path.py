"""``tfreg path``, from files to two recipes."""

from __future__ import annotations

import csv

import pytest

from tests.tiny_preset import write_reviews
from tfreg.cli import main
from tfreg.recipe import Recipe


@pytest.fixture
def words(tmp_path, preset):
    data = write_reviews(tmp_path / "films", {"train": 24, "dev": 8})
    return [
        *("path", "classify", "--data", str(data), "--preset", preset, "--quiet"),
        *("--sequence-length", "16", "--out", str(tmp_path / "out")),
    ]


def test_a_frozen_encoder_by_default(words, tmp_path, capsys):
    cache = ["--feature-cache", str(tmp_path / "features")]
    assert main([*words, *cache, "--strengths", "1e-4:1:5"]) == 0
    out = capsys.readouterr().out
    assert "simplest" in out and f"--config {tmp_path}/out/best.json" in out
    with (tmp_path / "out" / "path.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["strength"] for row in rows] == [
        "1.0",
        "0.1",
        "0.01",
        "0.001",
        "0.0001",
    ]
    recipe = Recipe.from_json(tmp_path / "out" / "best.json")
    assert recipe.freeze == "backbone" and recipe.kernel_regularizer is not None
    assert main([*words, *cache, "--config", str(tmp_path / "out" / "best.json")]) == 2
    assert "the folder is not empty" in capsys.readouterr().err


def test_fine_tuned(words, tmp_path):
    tuned = "--freeze none --epochs 1 --penalty l2sp --strengths 0.1,0.01".split()
    assert main([*words, *tuned]) == 0
    recipe = Recipe.from_json(tmp_path / "out" / "simplest.json")
    assert recipe.freeze is None
    assert type(recipe.backbone_regularizer).__name__ == "L2SP"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--penalty", "l2sp"], "acts on the encoder"),
        (["--penalty", "no"], "--penalty: invalid choice: 'no'"),
        (["--strengths", "few"], "WEAKEST:STRONGEST:NUMBER"),
        (["--head", "crf"], "needs the linear head"),
        (["--l2", "0.1"], "`kernel_regularizer` does not act on a path"),
    ],
)
def test_refused_in_one_line(words, more, said, tmp_path, capsys):
    assert main([*words, *more]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_demos_data_have_no_numbers(tmp_path, capsys):
    assert (
        main(["path", "regress", "--data", "demo", "--out", str(tmp_path / "x")]) == 2
    )
    error = capsys.readouterr().err
    assert "demo: is for classify and tag; got task 'regress'" in error
