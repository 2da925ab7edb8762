"""``tfreg predict``: one answer for each row of a stream, in its order."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import Any

from tfreg._checks import InputError
from tfreg.cli.answers import FORMATS, answer_writer
from tfreg.cli.devices import add_strategy, scope
from tfreg.cli.inputs import add_input, chunks, read_rows
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
    add_input(parser)
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="of the answers. tsv: label and its probability (of tags: the lowest), or "
        "the number; jsonl: all probabilities; conll: a word and its tag a line. "
        "default: conll for taggers, else tsv",
    )
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
            model = model or run.load_model(compile=False)
            found = answers(model, run.kind, chunk)
            if is_chief():
                for row, answer in zip(chunk, found):
                    sys.stdout.write(write(row, answer))
                sys.stdout.flush()


def answers(model: Any, kind: Any, rows: list[Any]) -> Iterable[Any]:
    """The model's answer for each row: numbers from a regressor."""
    from tfreg.data.examples import Examples

    examples = Examples(kind, tuple(rows))
    if model.task == "regress":
        return model.predict(examples, verbose=0)[:, 0]
    return model.predict_labels(examples)
