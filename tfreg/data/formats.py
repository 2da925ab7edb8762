"""The formats of files, known by their endings, and the reader of each."""

from __future__ import annotations

from collections.abc import Callable

from tfreg.data.conll import read_conll
from tfreg.data.conllu import read_conllu
from tfreg.data.jsonl import read_jsonl
from tfreg.data.ledger import Ledger
from tfreg.data.lines import Lines
from tfreg.data.rows import Request, Table
from tfreg.data.tabular import read_csv, read_tsv

READERS: dict[str, Callable[[Lines, Request, Ledger], Table]] = {
    "tsv": read_tsv,
    "csv": read_csv,
    "jsonl": read_jsonl,
    "conll": read_conll,
    "conllu": read_conllu,
}
ENDINGS = {
    ".tsv": "tsv",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".txt": "conll",
    ".conll": "conll",
    ".conllu": "conllu",
}


def split_name(name: str) -> tuple[str, str | None]:
    """A file's name without its ending, and its format, None if it is none of ours.

    Example:
        >>> split_name("train.tsv.gz"), split_name("README.md")
        (('train', 'tsv'), ('README.md', None))
    """
    bare = name.removesuffix(".gz")
    stem, dot, ending = bare.rpartition(".")
    format = ENDINGS.get(dot + ending)
    return (stem, format) if format else (name, None)
