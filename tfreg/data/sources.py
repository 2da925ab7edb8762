"""Every row of one split, from whatever a source is: folder, file or tfds."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from tfreg._checks import DataError
from tfreg.data import tfds
from tfreg.data.examples import Examples, Kind
from tfreg.data.formats import ENDINGS, READERS, split_name
from tfreg.data.ledger import Ledger
from tfreg.data.lines import open_lines
from tfreg.data.records import read_records
from tfreg.data.rows import Request, Row, Table
from tfreg.data.splits import find_files


@dataclass
class Split:
    """The rows of one split in memory, and the account of what became of them."""

    task: str
    kind: Kind
    rows: list[Row]
    ledger: Ledger

    def examples(self) -> Examples:
        """The rows without their lines."""
        inputs = tuple(row.input for row in self.rows)
        return Examples(self.kind, inputs, tuple(row.target for row in self.rows))


# Reads a split: what to look for, and whether to repair.
Reader = Callable[[Request, bool], Split]


def find_splits(source: str) -> tuple[dict[str, Reader], tuple[str, ...]]:
    """How to read each split of a source, and what to report about the source.

    A single file is all train.

    Raises:
        DataError: there is nothing to read, or no telling what.
    """
    if source.startswith(tfds.PREFIX):
        builder = tfds.open_builder(source)
        names, aside = tfds.find_builder_splits(builder)
        if not names:
            raise DataError(f"{source}: no train, dev or test among its splits")
        readers = {
            split: _tfds_reader(source, builder, name) for split, name in names.items()
        }
    elif os.path.isdir(source):
        files, aside = find_files(source)
        readers = {split: _file_reader(path) for split, path in files.items()}
    elif os.path.exists(source):
        readers, aside = {"train": _file_reader(source)}, []
    else:
        raise DataError(f"{source}: no such file or folder")
    return readers, (f"{source}: not read: {', '.join(aside)}",) if aside else ()


def _file_reader(path: str) -> Reader:
    format = split_name(os.path.basename(path))[1]
    if format is None:
        raise DataError(f"{path}: no ending of {', '.join(ENDINGS)} (or with .gz)")
    read = READERS[format]

    def reader(request: Request, repair: bool) -> Split:
        ledger = Ledger(path, repair)
        with open_lines(path, ledger) as lines:
            return _all_rows(read(lines, request, ledger), ledger)

    return reader


def _tfds_reader(source: str, builder, name: str) -> Reader:
    def reader(request: Request, repair: bool) -> Split:
        ledger = Ledger(f"{source}/{name}", repair)
        records = ledger.count(tfds.read_examples(builder, name, ledger))
        return _all_rows(read_records(records, request, ledger), ledger)

    return reader


def _all_rows(table: Table, ledger: Ledger) -> Split:
    rows = list(table.rows)
    if not rows:
        what = (
            "no row is left" if ledger.rows_in else "empty; expected at least one row"
        )
        raise ledger.error(None, what)
    return Split(table.task, table.kind, rows, ledger)
