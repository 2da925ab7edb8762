"""Rows from records of named values, as JSON objects and tfds examples are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from tfreg.data.columns import (
    LABELS,
    SINGLES,
    TAGS,
    WORDS,
    label_column,
    note_unused,
    text_columns,
    words_column,
)
from tfreg.data.examples import Kind
from tfreg.data.ledger import BadRow, Ledger
from tfreg.data.rows import Request, Row, Table
from tfreg.data.text_checks import clean_text
from tfreg.data.values import read_name, read_target

Record = Mapping[str, Any]
Records = Iterator[tuple[int, Record]]


def read_records(records: Records, request: Request, ledger: Ledger) -> Table:
    """Rows from records; the first says which values are text and label.

    A list of labels is multi-label; words with tags are tagging, if there is not also
    a text with a label.
    """
    if request.column is not None:
        raise ledger.error(None, "`column` is for CoNLL columns; name it with `label`")
    first = next(records, None)
    if first is None:
        raise ledger.error(
            None, "no row that can be read" if ledger.rows_in else "empty"
        )
    records = chain([first], records)
    if request.task == "tag" or request.task is None and _has_words(first[1], request):
        return _read_words(first, records, request, ledger)
    return _read_texts(first, records, request, ledger)


def _has_words(record: Record, request: Request) -> bool:
    if request.text is not None:
        return isinstance(record.get(request.text[0]), list)
    texts_and_labels = (SINGLES, LABELS["classify"])
    words_and_tags = (WORDS, TAGS)
    return _has_one_of_each(record, words_and_tags) and not _has_one_of_each(
        record, texts_and_labels
    )


def _has_one_of_each(record: Record, families: tuple[tuple[str, ...], ...]) -> bool:
    return all(any(name in record for name in names) for names in families)


def _read_texts(
    first: tuple[int, Record], records: Records, request: Request, ledger: Ledger
) -> Table:
    line, record = first
    names = list(record)
    texts = text_columns(names, request.text, line, ledger)
    task, label = request.task or "classify", None
    if request.labelled:
        label = label_column(names, request.label, task, line, ledger)
        note_unused(names, [*texts, label], ledger)
        if request.task is None and isinstance(record[label], list):
            task = "multilabel"

    def parse(line: int, record: Record) -> Row:
        parts = tuple(_string(_value(record, name), line, ledger) for name in texts)
        target = None
        if label is not None:
            target = read_target(task, _clean(_value(record, label), line, ledger))
        return Row(line, parts if len(parts) == 2 else parts[0], target)

    kind: Kind = "pair" if len(texts) == 2 else "text"
    return Table(task, kind, (row for _, row in ledger.sift(records, parse)))


def _read_words(
    first: tuple[int, Record], records: Records, request: Request, ledger: Ledger
) -> Table:
    line, record = first
    names = list(record)
    words_name = words_column(names, request.text, line, ledger)
    tags_name = None
    if request.labelled:
        tags_name = label_column(names, request.label, "tag", line, ledger)
        note_unused(names, [words_name, tags_name], ledger)

    def parse(line: int, record: Record) -> Row:
        items = _list(_value(record, words_name), words_name)
        words = tuple(_string(word, line, ledger) for word in items)
        if tags_name is None:
            return Row(line, words, None)
        items = _list(_value(record, tags_name), tags_name)
        tags = tuple(read_name(_clean(tag, line, ledger)) for tag in items)
        if len(tags) != len(words):
            raise BadRow(
                "words and tags differ in number",
                f"expected one tag a word; got {len(words)} words, {len(tags)} tags",
            )
        return Row(line, words, tags)

    return Table("tag", "words", (row for _, row in ledger.sift(records, parse)))


def _value(record: Record, name: str) -> Any:
    if name not in record:
        raise BadRow("missing column", f"no {name!r} in this row")
    return record[name]


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadRow("not a list", f"{name!r} must be a list; got {value!r}")
    return value


def _string(value: Any, line: int, ledger: Ledger) -> str:
    if not isinstance(value, str):
        raise BadRow("text is no string", f"text must be a string; got {value!r}")
    return clean_text(value, line, ledger)


def _clean(value: Any, line: int, ledger: Ledger) -> Any:
    """A label as it came, its strings cleaned."""
    if isinstance(value, list):
        return [_clean(item, line, ledger) for item in value]
    return clean_text(value, line, ledger) if isinstance(value, str) else value
