"""Data sets cut small: train and dev, whole sentences; test as it is."""

from __future__ import annotations

import random
from pathlib import Path

from catalogue_plan import Cut
from tasks import CUT_SEED, find_split, read_lines, write_whole


def cut_folder(cut: Cut, data: Path, work: Path) -> Path:
    """The folder of a cut's three splits, written when first asked for."""
    folder = work / f"{cut.folder}-{cut.rows}"
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "dev", "test"):
        source = find_split(data / cut.folder, split)
        if source is None:
            raise SystemExit(f"catalogue: {data / cut.folder}: no {split} file")
        target = folder / source.name.removesuffix(".gz")
        if target.exists():
            continue
        if cut.kind == "tag":
            head: list[str] = []
            examples = [[*block, ""] for block in _blocks(read_lines(source))]
        else:
            header, *rows = read_lines(source)
            head, examples = [header], [[row] for row in rows]
        if split != "test":
            random.Random(CUT_SEED).shuffle(examples)
            examples = examples[: cut.rows]
        lines = [*head, *(line for example in examples for line in example)]
        write_whole(target, "\n".join(lines) + "\n")
    return folder


def _blocks(lines: list[str]) -> list[list[str]]:
    """The lines of each sentence; empty lines stand between them."""
    blocks: list[list[str]] = [[]]
    for line in lines:
        if line:
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return [block for block in blocks if block]
