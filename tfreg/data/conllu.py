"""Tagged words from CoNLL-U, the format of Universal Dependencies."""

from __future__ import annotations

import re

from tfreg.data.conll import Sentences, Word, tagged_table
from tfreg.data.ledger import BadRow, Ledger
from tfreg.data.lines import Lines
from tfreg.data.rows import Request, Row, Table

FIELDS = (
    "id",
    "form",
    "lemma",
    "upos",
    "xpos",
    "feats",
    "head",
    "deprel",
    "deps",
    "misc",
)
_FORM = FIELDS.index("form")
# Here `_` says that nobody has given a tag; in the other fields it may be one.
_NEEDED = ("upos", "xpos", "deprel")
# The range of a multi-word token (1-2), or an empty node (1.1).
_NO_WORD = re.compile(r"\d+[-.]\d+")


def read_conllu(lines: Lines, request: Request, ledger: Ledger) -> Table:
    """Sentences of CoNLL-U: ten columns between tabs, the tag in `upos` or as asked.

    Comments, ranges of multi-word tokens and empty nodes are no words.
    """
    field = "upos" if request.column is None else request.column
    if isinstance(field, int) and _FORM < field < len(FIELDS):
        field = FIELDS[field]
    if field not in FIELDS[_FORM + 1 :]:
        fields = ", ".join(FIELDS[_FORM + 1 :])
        raise ledger.error(None, f"`column` must be one of {fields}; got {field!r}")
    tag_at = FIELDS.index(str(field))

    def parse(line: int, sentence: list[Word]) -> Row:
        words, tags = [], []
        for at, columns in sentence:
            if len(columns) != len(FIELDS):
                what = f"expected {len(FIELDS)} columns between tabs"
                raise BadRow("wrong width", f"{what}; got {len(columns)}", at)
            if _NO_WORD.fullmatch(columns[0]):
                continue
            word, tag = columns[_FORM], columns[tag_at]
            if request.labelled and (not tag or tag == "_" and field in _NEEDED):
                what = f"word {word!r} without a tag in {field}"
                raise BadRow("word without a tag", what, at)
            words.append(word)
            tags.append(tag)
        return Row(line, tuple(words), tuple(tags) if request.labelled else None)

    return tagged_table(_sentences(lines), parse, request, ledger)


def _sentences(lines: Lines) -> Sentences:
    sentence: list[Word] = []
    for line, text in lines:
        if text.startswith("#"):
            continue
        if text.strip(" \t"):
            sentence.append((line, text.split("\t")))
        elif sentence:
            yield sentence[0][0], sentence
            sentence = []
    if sentence:
        yield sentence[0][0], sentence
