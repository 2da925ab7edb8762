"""What the benchmarks run: the tasks, the one set of settings, the cuts, the files.

Standard library only, because both environments (tfreg's, and the one with
PyTorch) import it, and both must see the same rows.
"""

from __future__ import annotations

import gzip
import json
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

CUT_SEED = 0
"""Seed of the permutation of the training rows; the same for every run."""

SETTINGS: dict[str, Any] = {
    "learning_rate": 5e-5,
    "weight_decay": 0.01,
    "warmup": 0.1,
    "schedule": "linear",
    "global_clipnorm": 1.0,
    "batch_size": 32,
    "epochs": 3,
    "dropout": 0.1,
    "sequence_length": 128,
}
"""Fields of `tfreg.Recipe`; the peer's loop reads the same dictionary."""

MONITOR = {"classify": "accuracy", "regress": "pearson", "tag": "span_f1_strict"}
"""The dev metric that chooses the epoch."""


@dataclass(frozen=True)
class Task:
    """One data set as it is run.

    Args:
        folder: name of its folder under `--data`.
        kind: "classify", "regress" or "tag".
        shown: the (split, metric) pairs of the table.
        seeds: how many; they are 0, 1, ...
        systems: which systems run it.
        cut: rows to train on, or None for all of them.
        reference: fixed numbers to stand beside tfreg's, by (split, metric), in %.
        note: said under the table.
    """

    folder: str
    kind: str
    shown: tuple[tuple[str, str], ...]
    seeds: int
    systems: tuple[str, ...] = ("transformers", "tfreg")
    cut: int | None = None
    reference: dict[tuple[str, str], float] = field(default_factory=dict)
    note: str = ""


ACCURACY = ("test", "accuracy")
STRICT, LENIENT = ("test", "span_f1_strict"), ("test", "span_f1_lenient")

TASKS = {
    "sst2": Task(
        "sst2",
        "classify",
        (("dev", "accuracy"), ACCURACY),
        seeds=2,
        systems=("tfreg",),
        reference={("dev", "accuracy"): 87.8, ACCURACY: 88.6},
    ),
    "conll2003": Task(
        "conll2003_ner",
        "tag",
        (STRICT, LENIENT),
        seeds=2,
    ),
    "stsb-1000": Task("stsb", "regress", (("test", "spearman"),), seeds=5, cut=1000),
    "banking77-1000": Task("banking77", "classify", (ACCURACY,), seeds=5, cut=1000),
    "rte-1000": Task(
        "rte",
        "classify",
        (ACCURACY,),
        seeds=5,
        cut=1000,
        note="the official dev rows are the test; other train rows choose the epoch",
    ),
    "weibo": Task(
        "weibo_ner",
        "tag",
        (STRICT, LENIENT),
        seeds=1,
        systems=("tfreg",),
        note="mechanics only: the encoder is English; every character gets its tag",
    ),
}


def find_split(folder: Path, split: str) -> Path | None:
    """The file of one split, gzipped or not, or None if there is none."""
    names = (split + end for end in (".tsv", ".txt", ".tsv.gz", ".txt.gz"))
    return next((folder / name for name in names if (folder / name).exists()), None)


def read_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 file; only a line feed ends a line."""
    opened = gzip.open(path) if path.suffix == ".gz" else path.open("rb")
    with opened as file:
        return file.read().decode("utf-8").rstrip("\n").split("\n")


def prepare(task: Task, data: Path, work: Path) -> Path:
    """The folder of splits that both systems read: the data's own, or a cut of it.

    A cut is the first `cut` training rows under one fixed permutation. Where there
    is no test file (RTE), the official dev rows are the test, and as many further
    rows of the permuted train are the dev: nothing is chosen on what is reported.
    """
    source = data / task.folder
    train, dev, test = (find_split(source, name) for name in ("train", "dev", "test"))
    if train is None or dev is None:
        raise SystemExit(f"scores: {source}: no train or dev file")
    if task.cut is None:
        return source
    header, *rows = read_lines(train)
    random.Random(CUT_SEED).shuffle(rows)
    splits = {"train": [header, *rows[: task.cut]]}
    if test is None:
        test, held_out = dev, len(read_lines(dev)) - 1
        splits["dev"] = [header, *rows[task.cut : task.cut + held_out]]
    else:
        splits["dev"] = read_lines(dev)
    splits["test"] = read_lines(test)
    folder = work / f"{task.folder}-{task.cut}"
    folder.mkdir(parents=True, exist_ok=True)
    for split, lines in splits.items():
        write_whole(folder / f"{split}.tsv", "\n".join(lines) + "\n")
    return folder


def read_table(path: Path) -> tuple[list[tuple[str, ...]], list[str]]:
    """Texts (1 or 2 a row) and labels of a tab-separated file."""
    rows = [line.split("\t") for line in read_lines(path)[1:]]
    return [tuple(row[:-1]) for row in rows], [row[-1] for row in rows]


def read_sentences(path: Path) -> tuple[list[list[str]], list[list[str]]]:
    """Words and tags of the sentences of a file of `word tag` lines."""
    sentences = list(_blocks(read_lines(path)))
    words = [[line.rsplit(" ", 1)[0] for line in block] for block in sentences]
    tags = [[line.rsplit(" ", 1)[1] for line in block] for block in sentences]
    return words, tags


def _blocks(lines: Sequence[str]) -> Iterator[list[str]]:
    block: list[str] = []
    for line in [*lines, ""]:
        if line:
            block.append(line)
        elif block:
            yield block
            block = []


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is either there in full or not at all."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_text(text, encoding="utf-8", newline="\n")
    os.replace(partial, path)


def write_result(path: Path, result: dict[str, Any], packages: Sequence[str]) -> None:
    """Write the result of one run as JSON, with the versions of what made it."""
    versions = {}
    for package in packages:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    result = {**result, "settings": SETTINGS, "versions": versions}
    write_whole(path, json.dumps(result, indent=1) + "\n")
