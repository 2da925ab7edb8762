"""A run, and the rows that a command answers: from a file or standard input."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from tfreg._checks import InputError
from tfreg.cli.options import add_text_option, text_columns


def add_input(parser: argparse.ArgumentParser) -> None:
    """Add the run folder, the file, and what says how to read it."""
    parser.add_argument("folder", metavar="RUN", help="a run folder")
    parser.add_argument(
        "file", metavar="FILE", nargs="?", help="default: standard input"
    )
    parser.add_argument(
        "--input-format",
        choices=("text", "tsv", "csv", "jsonl", "conll", "conllu"),
        help="default: as the file's ending says, and text for standard input",
    )
    add_text_option(parser)


def read_rows(arguments: argparse.Namespace, kind: Any) -> Iterator[Any]:
    """The rows of the file or of standard input."""
    from tfreg.data.readers import read_inputs

    format = arguments.input_format or guess_format(arguments.file, kind)
    if kind == "pair" and format == "text":
        raise InputError(
            "this run takes pairs of texts: --input-format tsv, csv or jsonl"
        )
    if kind != "words" and format in ("conll", "conllu"):
        raise InputError("this run takes whole texts, not CoNLL columns")
    source = sys.stdin.buffer if arguments.file in (None, "-") else arguments.file
    return read_inputs(source, format=format, kind=kind, text=text_columns(arguments))


def guess_format(file: str | None, kind: str) -> str:
    """The format by the ending of the file; plain text for standard input.

    Example:
        >>> guess_format("new.tsv.gz", "text")
        'tsv'
    """
    if file is None or file == "-":
        return "text"
    from tfreg.data.formats import split_name

    _, format = split_name(file)
    if not file.removesuffix(".gz").endswith(".txt"):
        return format or "text"
    if kind == "words":
        raise InputError(
            f"{file}: say --input-format text (a sentence a line) or conll (a word)"
        )
    return "text"


def chunks(rows: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Lists of `size` rows; what comes before a bad row is given before its error.

    Example:
        >>> list(chunks("abc", 2))
        [['a', 'b'], ['c']]
    """
    rows = iter(rows)
    while True:
        chunk: list[Any] = []
        try:
            # Not list(islice(...)): what was read before an error would be lost.
            for row in islice(rows, size):
                chunk.append(row)
        except InputError:
            if chunk:
                yield chunk
            raise
        if not chunk:
            return
        yield chunk
