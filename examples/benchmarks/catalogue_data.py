"""Data sets cut small: train and dev, whole sentences; test as it is."""

from __future__ import annotations

import random
from pathlib import Path

from catalogue_plan import Cut
from tasks import CUT_SEED, find_split, read_lines, write_whole


def cut_folder(cut: Cut, data: Path, work: Path) -> Path:
    """The folder of a cut's three splits, written when first asked for.

    Where there is no test file (CoLA), the official dev rows are the test, and the
    train rows after the cut are the dev: nothing is chosen on what is reported.
    """
    folder = work / f"{cut.folder}-{cut.rows}"
    folder.mkdir(parents=True, exist_ok=True)
    names = "train", "dev", "test"
    (head, train), (_, dev), (_, test) = (_read(cut, data, name) for name in names)
    if not train or not dev:
        raise SystemExit(f"catalogue: {data / cut.folder}: no train or dev file")
    for examples in (train, dev):
        random.Random(CUT_SEED).shuffle(examples)
    held_out = dev if test else train[cut.rows :]
    splits = train[: cut.rows], held_out[: cut.rows], test or dev
    for name, examples in zip(names, splits):
        target = folder / f"{name}.{'txt' if cut.kind == 'tag' else 'tsv'}"
        if not target.exists():
            lines = [*head, *(line for example in examples for line in example)]
            write_whole(target, "\n".join(lines) + "\n")
    return folder


def _read(cut: Cut, data: Path, split: str) -> tuple[list[str], list[list[str]]]:
    """The header, and the lines of each example; none where there is no such file."""
    source = find_split(data / cut.folder, split)
    if source is None:
        return [], []
    if cut.kind == "tag":
        return [], [[*block, ""] for block in _blocks(read_lines(source))]
    header, *rows = read_lines(source)
    return [header], [[row] for row in rows]


def _blocks(lines: list[str]) -> list[list[str]]:
    """The lines of each sentence; empty lines stand between them."""
    blocks: list[list[str]] = [[]]
    for line in lines:
        if line:
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return [block for block in blocks if block]
