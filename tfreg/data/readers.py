"""A stream of inputs to be answered, of any length, checked row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Union, get_args

from tfreg._checks import check_choice, fail
from tfreg.data.examples import Input, Kind
from tfreg.data.formats import READERS
from tfreg.data.ledger import Ledger
from tfreg.data.lines import Lines, Source, open_lines, source_name
from tfreg.data.rows import Request

FORMATS = ("text", *READERS)


def read_inputs(
    source: Source,
    *,
    format: str,
    kind: Kind,
    text: Union[str, Sequence[str], None] = None,
) -> Iterator[Input]:
    """The inputs of a file or stream, in order; labels are not read if there are any.

    One row is held at a time. Nothing is repaired or left out, so that answers and
    rows stay together, but for `-DOCSTART-` lines in CoNLL columns.

    Args:
        source: a path (with `.gz`: gzipped), or an open stream, of bytes if possible.
        format: `"text"`: a line is a text, or, for words, a sentence whose words have
            white space between them; `"tsv"` and `"csv"` with a header line;
            `"jsonl"`; `"conll"` or `"conllu"` (a `.conllu` path is `"conllu"`).
        kind: `"text"`, `"pair"` or `"words"`.
        text: column of the text (or words), or two of a pair; known by the usual names
            if not given.

    Yields:
        A string, two strings, or a tuple of words.

    Raises:
        InputError: a format that cannot hold the kind.
        DataError: `file:line: what` at a bad row, when it is reached.

    Example:
        >>> import io
        >>> lines = io.BytesIO(b"one text" + bytes([10]) + b"another")
        >>> list(read_inputs(lines, format="text", kind="text"))
        ['one text', 'another']
    """
    check_choice("format", format, FORMATS)
    check_choice("kind", kind, get_args(Kind))
    name = source_name(source)
    if format == "conll" and name.removesuffix(".gz").endswith(".conllu"):
        format = "conllu"
    if format not in _formats_of(kind):
        raise fail("format", f"one that holds {kind!r} rows", format)
    if text is not None and format in ("text", "conll", "conllu"):
        raise fail("text", f"None, as {format!r} has no named columns", text)
    columns = (text,) if isinstance(text, str) else tuple(text) if text else None
    if columns and len(columns) != (2 if kind == "pair" else 1):
        number = "two columns" if kind == "pair" else "one column"
        raise fail("text", f"{number}, for {kind!r} rows", text)
    return _read(source, Ledger(name), format, kind, columns)


def _formats_of(kind: Kind) -> tuple[str, ...]:
    if kind == "words":
        return ("text", "jsonl", "conll", "conllu")
    return (
        ("tsv", "csv", "jsonl") if kind == "pair" else ("text", "tsv", "csv", "jsonl")
    )


def _read(
    source: Source,
    ledger: Ledger,
    format: str,
    kind: Kind,
    text: tuple[str, ...] | None,
) -> Iterator[Input]:
    task = "tag" if kind == "words" else "classify"
    with open_lines(source, ledger) as lines:
        if format == "text":
            rows = _text_rows(lines, kind)
        else:
            table = READERS[format](lines, Request(task, text, labelled=False), ledger)
            rows = (row.input for row in table.rows)
            if table.kind != kind:
                what = f"expected {kind!r} rows; the columns are of {table.kind!r}"
                raise ledger.error(1, what)
        empty = True
        for row in rows:
            yield row
            empty = False
        if empty:
            raise ledger.error(None, "empty; expected at least one row")


def _text_rows(lines: Lines, kind: Kind) -> Iterator[Input]:
    for _, line in lines:
        yield tuple(line.split()) if kind == "words" else line
