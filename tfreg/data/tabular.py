"""Texts and labels from tables with a header line: TSV and CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from tfreg.data.columns import check_names, label_column, note_unused, text_columns
from tfreg.data.examples import Kind
from tfreg.data.ledger import BadRow, Ledger
from tfreg.data.lines import Lines
from tfreg.data.rows import Request, Row, Table
from tfreg.data.values import read_target

_LONGEST = 2**31 - 1  # the most that `csv` takes everywhere

Records = Iterator[tuple[int, list[str]]]


def read_tsv(lines: Lines, request: Request, ledger: Ledger) -> Table:
    """Rows of a table without quotes and escapes: a tab always ends a column."""
    return _read_table(((n, line.split("\t")) for n, line in lines), request, ledger)


def read_csv(lines: Lines, request: Request, ledger: Ledger) -> Table:
    """Rows of a comma-separated table; a quoted text may go over several lines."""
    return _read_table(_csv_records(lines, ledger), request, ledger)


def _csv_records(lines: Lines, ledger: Ledger) -> Records:
    # Strict, or a quote left open would take in the rows after it without a word.
    reader = csv.reader((line + "\n" for _, line in lines), strict=True)
    start = 1
    while True:
        try:
            fields = _next(reader)
        except csv.Error as error:
            # Not to be repaired: nobody knows where the next row begins.
            what = f"broken quotes: {error}"
            if "unexpected end of data" in what:
                what = "a quote opens in this row and never closes"
            raise ledger.error(start, what) from error
        if fields is None:
            return
        if reader.line_num > start:
            one, many = "row of several lines", "rows of several lines"
            ledger.note(start, one, many)
        yield start, fields
        start = reader.line_num + 1


def _next(reader: Iterator[list[str]]) -> list[str] | None:
    """Its next record: a text may be longer than `csv` has cells by default."""
    limit = csv.field_size_limit(_LONGEST)
    try:
        return next(reader, None)
    finally:
        csv.field_size_limit(limit)  # which all of the process share


def _read_table(records: Records, request: Request, ledger: Ledger) -> Table:
    task = request.task or "classify"
    if task == "tag":
        raise ledger.error(
            None, "one tag a word needs CoNLL columns, or .jsonl with words and tags"
        )
    if task == "multilabel":
        raise ledger.error(None, "several labels a text need .jsonl with lists")
    if request.column is not None:
        raise ledger.error(None, "`column` is for CoNLL columns; name it with `label`")
    line, names = next(records, (None, []))
    if line is None:
        raise ledger.error(None, "empty; expected a header line")
    check_names(names, line, ledger)
    texts = text_columns(names, request.text, line, ledger)
    used, label_at = list(texts), None
    if request.labelled:
        label = label_column(names, request.label, task, line, ledger)
        used, label_at = [*texts, label], names.index(label)
        note_unused(names, used, ledger)
    text_at = [names.index(name) for name in texts]
    header = ", ".join(map(repr, names))

    def parse(line: int, fields: list[str]) -> Row:
        if len(fields) != len(names):
            raise BadRow(
                "wrong width",
                f"expected {len(names)} columns ({header}); got {len(fields)}",
            )
        parts = tuple(fields[at] for at in text_at)
        target = None if label_at is None else read_target(task, fields[label_at])
        return Row(line, parts if len(parts) == 2 else parts[0], target)

    rows = ledger.sift(ledger.count(records), parse)
    kind: Kind = "pair" if len(texts) == 2 else "text"
    return Table(task, kind, (row for _, row in rows))
