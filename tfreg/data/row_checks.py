"""What is looked at, mended or cut once all rows of a split are there."""

from __future__ import annotations

from collections import Counter

from tfreg.data.bio import repair_tags, stray_tags
from tfreg.data.labels import names_in
from tfreg.data.ledger import Ledger
from tfreg.data.rows import Row
from tfreg.data.sources import Split
from tfreg.data.splits import cut_rows


def mend_tags(split: Split) -> None:
    """Count I- tags that follow no tag of their span; repair them if asked to.

    Unrepaired they are kept as they are: strict and lenient scoring differ on them,
    and official data has them.
    """
    repair = split.ledger.repair
    one, many = (
        "I- tag follows no tag of its span",
        "I- tags follow no tag of their span",
    )
    if repair:
        one, many = "I- tag made B-", "I- tags made B-"
    for i, row in enumerate(split.rows):
        stray = len(stray_tags(row.target))
        if stray:
            split.ledger.warn(row.line, one, many, times=stray)
        if stray and repair:
            split.rows[i] = row._replace(target=repair_tags(row.target))


def warn_of_empty(split: Split) -> None:
    """Count texts that are blank, or have no words or blank ones."""
    for row in split.rows:
        parts = (row.input,) if isinstance(row.input, str) else row.input
        if all(map(str.strip, parts)) and parts:
            continue
        if split.kind == "words" and parts:
            split.ledger.warn(
                row.line, "text with blank words", "texts with blank words"
            )
        else:
            split.ledger.warn(row.line, "empty text", "empty texts")


def cut_dev(train: Split, fraction: float, seed: int) -> Split:
    """Cut dev off train: by class where rows have one, and no label leaves train.

    Raises:
        DataError: too few rows for that.
    """
    by_class = train.task == "classify"
    groups = [row.target if by_class else None for row in train.rows]
    kept, cut = cut_rows(groups, fraction, seed)
    rows = train.rows
    left = Counter(name for i in kept for name in _names(train, rows[i]))
    stay = {i for i in cut if any(name not in left for name in _names(train, rows[i]))}
    dev_rows = [rows[i] for i in cut if i not in stay]
    if not dev_rows:
        raise train.ledger.error(None, "no dev given, and too few rows to cut one off")
    train.rows = [rows[i] for i in sorted({*kept, *stay})]
    how = "by class" if by_class else "by chance"
    note = f"{len(dev_rows)} of the rows cut off as dev, {how}, seed {seed}"
    train.ledger.notes.append(note)
    # The rows were counted with train's; this one counts what dev is warned of.
    ledger = Ledger(f"{train.ledger.name} (dev)", train.ledger.repair)
    return Split(train.task, train.kind, dev_rows, ledger)


def _names(split: Split, row: Row) -> tuple[str, ...]:
    return names_in(split.task, row.target)
