from __future__ import annotations

from collections import Counter

import pytest

from tfreg._checks import DataError
from tfreg.data.splits import cut_rows, find_files


def folder_of(tmp_path, *names):
    for name in names:
        (tmp_path / name).touch()
    return str(tmp_path)


@pytest.mark.parametrize("dev", ["dev", "valid", "validation"])
def test_files(tmp_path, dev):
    names = ("train.tsv.gz", f"{dev}.tsv", "test.tsv", "train_removed.tsv", "README.md")
    folder = folder_of(tmp_path, *names, ".hidden")
    found, aside = find_files(folder)
    assert found == {
        "train": f"{folder}/train.tsv.gz",
        "dev": f"{folder}/{dev}.tsv",
        "test": f"{folder}/test.tsv",
    }
    assert aside == ["README.md", "train_removed.tsv"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["a.tsv"],
            "no train, dev or test with an ending of .tsv, .csv, .jsonl, .txt, .conll, "
            ".conllu",
        ),
        (
            ["train.tsv", "train.tsv.gz"],
            "two files for train: train.tsv, train.tsv.gz",
        ),
        (
            ["train.tsv", "dev.tsv", "valid.tsv"],
            "two files for dev: dev.tsv, valid.tsv",
        ),
        (
            ["train.tsv", "test.jsonl"],
            "one format expected; got test.jsonl, train.tsv",
        ),
    ],
)
def test_folders_that_cannot_be_read(tmp_path, names, message):
    folder = folder_of(tmp_path, *names)
    with pytest.raises(DataError) as error:
        find_files(folder)
    assert str(error.value) == f"{folder}: {message}"


def test_cut_is_stratified_and_seeded():
    groups = ["a"] * 600 + ["b"] * 290 + ["c"] * 105 + ["d"] * 4 + ["e"]
    kept, cut = cut_rows(groups, 0.1, seed=3)
    assert sorted(kept + cut) == list(range(1000))
    assert kept == sorted(kept) and cut == sorted(cut) and len(cut) == 100
    counts = Counter(groups[row] for row in cut)
    assert (counts["a"], counts["b"]) == (60, 29)
    assert counts["c"] in (10, 11) and counts["d"] in (0, 1) and counts["e"] == 0
    assert cut_rows(groups, 0.1, seed=3) == (kept, cut)
    assert cut_rows(groups, 0.1, seed=4) != (kept, cut)


def test_more_classes_than_rows_to_cut():
    groups = [row % 77 for row in range(200)]
    kept, cut = cut_rows(groups, 0.1, seed=0)
    assert len(cut) == 20
    assert {groups[row] for row in kept} == set(groups)


@pytest.mark.parametrize("fraction", [0.01, 0.5, 0.99])
def test_every_class_keeps_a_row(fraction):
    groups = ["a", "a", "a", "b", "b", "c"]
    kept, cut = cut_rows(groups, fraction, seed=0)
    assert {groups[row] for row in kept} == {"a", "b", "c"}
    assert 1 <= len(cut) <= 3
    assert cut_rows(["a", "b"], fraction, seed=0) == ([0, 1], [])


def test_each_row_is_as_likely_as_any_other():
    times = Counter(
        row
        for seed in range(2000)
        for row in cut_rows(["a"] * 12 + ["b"] * 8, 0.25, seed)[1]
    )
    # 2000 draws at 0.25: four standard deviations are 77.
    assert all(abs(times[row] - 500) < 80 for row in range(20))
