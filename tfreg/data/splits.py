"""Train, dev and test: found in a folder, or cut off by chance."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from collections.abc import Hashable, Sequence

from tfreg._checks import DataError
from tfreg.data.formats import ENDINGS, split_name

SPLITS = ("train", "dev", "test")
_NAMES = {
    "train": "train",
    "dev": "dev",
    "valid": "dev",
    "validation": "dev",
    "test": "test",
}


def split_of(name: str) -> str | None:
    """The split that a name stands for, None if for none.

    Example:
        >>> split_of("validation"), split_of("train_removed")
        ('dev', None)
    """
    return _NAMES.get(name)


def find_files(folder: str) -> tuple[dict[str, str], list[str]]:
    """The file of each split of a folder, and the names of the files left aside.

    Raises:
        DataError: no file of a split, two for one, or files of different formats.
    """
    found: dict[str, str] = {}
    aside = []
    for name in sorted(os.listdir(folder)):
        stem, format = split_name(name)
        split = split_of(stem)
        if format is None or split is None:
            if not name.startswith("."):
                aside.append(name)
            continue
        if split in found:
            raise DataError(f"{folder}: two files for {split}: {found[split]}, {name}")
        found[split] = name
    if not found:
        raise DataError(
            f"{folder}: no train, dev or test with an ending of {', '.join(ENDINGS)}"
        )
    formats = {split_name(name)[1] for name in found.values()}
    if len(formats) > 1:
        names = ", ".join(found.values())
        raise DataError(f"{folder}: one format expected; got {names}")
    return {split: os.path.join(folder, name) for split, name in found.items()}, aside


def cut_rows(
    groups: Sequence[Hashable], fraction: float, seed: int
) -> tuple[list[int], list[int]]:
    """Rows that stay and rows that are cut off, both in order, stratified by group.

    Each group of n rows gives n·fraction of them, rounded up or down by chance so that
    the whole is right; it always keeps one. The random numbers are Python's own, whose
    sequence is promised to stay the same.

    Args:
        groups: the group of each row; all the same for a cut without strata.
        fraction: the share to cut off, in (0, 1); of any rows at least one is cut.
        seed: of the draw.

    Example:
        >>> [len(part) for part in cut_rows(["a", "b"] * 50, 0.1, seed=0)]
        [90, 10]
    """
    members = defaultdict(list)
    for row, group in enumerate(groups):
        members[group].append(row)
    draw = random.Random(seed)
    places = []
    for rows in members.values():
        draw.shuffle(rows)
        start = draw.random()
        # Evenly spaced over [0, 1): those below the fraction are cut, and none twice.
        places += [((i + start) / len(rows), row) for i, row in enumerate(rows[:-1])]
    size = max(1, round(len(groups) * fraction))
    cut = {row for _, row in sorted(places)[:size]}
    return [row for row in range(len(groups)) if row not in cut], sorted(cut)
