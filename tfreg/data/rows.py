"""What is asked of a reader, and what it gives: rows, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from tfreg.data.examples import Input, Kind


class Row(NamedTuple):
    """One example, and the line it starts on."""

    line: int
    input: Input
    target: Any  # None without labels, else as in `Examples`


@dataclass(frozen=True)
class Request:
    """What a reader shall look for; `None` is found out from the file.

    Args:
        task: `"classify"`, `"multilabel"`, `"regress"` or `"tag"`.
        text: names of the one or two columns of text, or of the one of words.
        label: name of the column of labels, numbers or tags.
        column: the CoNLL column of the tag.
        labelled: False reads no labels, whether there are any or not.
    """

    task: str | None = None
    text: tuple[str, ...] | None = None
    label: str | None = None
    column: int | str | None = None
    labelled: bool = True


@dataclass(frozen=True)
class Table:
    """Rows of one kind for one task; reading goes on as they are taken."""

    task: str
    kind: Kind
    rows: Iterator[Row]
