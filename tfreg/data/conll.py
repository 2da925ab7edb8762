"""Tagged words from plain CoNLL columns: a word a line, blank lines between texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from tfreg.data.ledger import BadRow, Ledger
from tfreg.data.lines import Lines
from tfreg.data.rows import Request, Row, Table

# Not str.split(): a no-break or ideographic space may be a word of its own.
_SPACES = re.compile("[ \t]+")
_DOCSTART = "-DOCSTART-"

Word = tuple[int, list[str]]  # its line and its columns
Sentences = Iterator[tuple[int, list[Word]]]


def read_conll(lines: Lines, request: Request, ledger: Ledger) -> Table:
    """Sentences of `word ... tag` lines, between blank lines.

    Columns stand between spaces or tabs; the word is the first, the tag the last or
    `request.column`. `-DOCSTART-` lines are left out and counted.
    """
    column = -1 if request.column is None else request.column
    if not isinstance(column, int) or column == 0:
        what = "`column` must be a column's number, not 0, the word's"
        raise ledger.error(None, f"{what}; got {column!r}")
    width = 0

    def parse(line: int, sentence: list[Word]) -> Row:
        nonlocal width
        for at, columns in sentence:
            if request.labelled and len(columns) == 1:
                what = f"word {columns[0]!r} without a tag"
                raise BadRow("word without a tag", what, at)
            width = width or len(columns)
            if len(columns) != width:
                what = f"expected {width} columns; got {len(columns)}"
                raise BadRow("wrong width", what, at)
        words = tuple(columns[0] for _, columns in sentence)
        if not request.labelled:
            return Row(line, words, None)
        if not -width < column < width:
            raise ledger.error(line, f"no column {column} among {width}")
        return Row(line, words, tuple(columns[column] for _, columns in sentence))

    return tagged_table(_sentences(lines, ledger), parse, request, ledger)


def tagged_table(
    sentences: Sentences,
    parse: Callable[[int, list[Word]], Row],
    request: Request,
    ledger: Ledger,
) -> Table:
    """The table of parsed sentences, if tagging is what was asked for."""
    if request.task not in (None, "tag"):
        raise ledger.error(
            None, f"CoNLL columns hold one tag a word; the task is {request.task!r}"
        )
    if request.text is not None or request.label is not None:
        what = "CoNLL columns have no names: `text` and `label` say nothing here"
        raise ledger.error(None, what)
    rows = ledger.sift(ledger.count(sentences), parse)
    return Table("tag", "words", (row for _, row in rows))


def _sentences(lines: Lines, ledger: Ledger) -> Sentences:
    sentence: list[Word] = []
    for line, text in lines:
        columns = _SPACES.split(text.strip(" \t"))
        if columns[0] == _DOCSTART:
            ledger.note(line, "-DOCSTART- line left out", "-DOCSTART- lines left out")
        elif columns[0]:
            sentence.append((line, columns))
            continue
        if sentence:
            yield sentence[0][0], sentence
            sentence = []
    if sentence:
        yield sentence[0][0], sentence
