"""``tfreg predict``: one answer for each row of a stream, in its order."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from tfreg._checks import InputError
from tfreg.cli.answers import FORMATS, answer_writer
from tfreg.cli.devices import add_strategy, scope
from tfreg.cli.options import add_text_option, text_columns
from tfreg.cli.session import start_keras


def add_to(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser(
        "predict",
        help="answer new texts with a run",
        description="Read texts from a file or standard input, of any length, and "
        "write one answer a line in the same order. A line of plain text is one text; "
        "for taggers it is one sentence, split at white space.",
    )
    parser.add_argument("folder", metavar="RUN", help="a run folder")
    parser.add_argument(
        "file", metavar="FILE", nargs="?", help="default: standard input"
    )
    parser.add_argument(
        "--input-format",
        choices=("text", "tsv", "csv", "jsonl", "conll", "conllu"),
        help="default: as the file's ending says, and text for standard input",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="of the answers. tsv: label and its probability (of tags: the lowest), or "
        "the number; jsonl: all probabilities; conll: a word and its tag a line. "
        "default: conll for taggers, else tsv",
    )
    add_text_option(parser)
    parser.add_argument(
        "--chunk",
        type=int,
        default=1024,
        metavar="N",
        help="rows read before they are answered",
    )
    add_strategy(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Read, answer and flush chunk after chunk; a bad row ends it."""
    from tfreg.runs import read_run

    if arguments.chunk < 1:
        raise InputError(f"--chunk: expected at least 1; got {arguments.chunk}")
    run = read_run(arguments.folder)
    format = arguments.format or ("conll" if run.task == "tag" else "tsv")
    write = answer_writer(format, run.task, run.labels)
    rows = read_rows(arguments, run.kind)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")
    start_keras()
    from tfreg.distribute import is_chief

    model = None
    with scope(arguments.strategy):
        for chunk in chunks(rows, arguments.chunk):
            model = model or run.load_model()
            found = answers(model, run.kind, chunk)
            if is_chief():
                for row, answer in zip(chunk, found):
                    sys.stdout.write(write(row, answer))
                sys.stdout.flush()


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


def answers(model: Any, kind: Any, rows: list[Any]) -> Iterable[Any]:
    """The model's answer for each row: numbers from a regressor."""
    from tfreg.data.examples import Examples

    examples = Examples(kind, tuple(rows))
    if model.task == "regress":
        return model.predict(examples, verbose=0)[:, 0]
    return model.predict_labels(examples)
