"""The label names of a corpus, and rows whose labels are not among them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tfreg.data.ledger import BadRow
from tfreg.data.rows import Row
from tfreg.data.sources import Split


def names_in(task: str, target: Any) -> tuple[str, ...]:
    """The label names of one target; none for a number."""
    if task == "regress":
        return ()
    return (target,) if task == "classify" else target


def label_names(task: str, rows: Iterable[Row]) -> tuple[str, ...]:
    """All label names of rows, sorted; for tags, O comes first."""
    names = {name for row in rows for name in names_in(task, row.target)}
    return tuple(sorted(names, key=lambda name: (task == "tag" and name != "O", name)))


def check_variety(task: str, labels: tuple[str, ...], split: Split) -> None:
    """There must be something to tell apart.

    Raises:
        DataError: a single class (for multi-label: none, or one that all rows have).
    """
    if task == "regress" or len(labels) > 1:
        return
    if task == "multilabel" and labels and not all(row.target for row in split.rows):
        return
    what = "tag" if task == "tag" else "class"
    found = f"one {what} only, {labels[0]!r}" if labels else "no label in any row"
    raise split.ledger.error(None, found)


def drop_unknown(split: Split, labels: Iterable[str], whose: str) -> None:
    """Leave out rows with a label that is not among the known (or refuse them).

    Raises:
        DataError: `file:line: what`, unless the ledger repairs.
    """
    known = set(labels)
    kept = []
    for row in split.rows:
        names = names_in(split.task, row.target)
        unknown = [i for i, name in enumerate(names) if name not in known]
        if not unknown:
            kept.append(row)
            continue
        name = names[unknown[0]]
        what = f"label {name!r} is not {whose}"
        if split.task == "tag":
            word = row.input[unknown[0]]
            what = f"tag {name!r} of word {word!r} is not {whose}"
        split.ledger.drop(row.line, BadRow(f"label not {whose}", what))
    split.rows = kept
    if not kept:
        raise split.ledger.error(None, "no row is left")
