"""``tfreg explain``: which words a run's answers stand on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tfreg._checks import InputError
from tfreg.cli.inputs import add_input, chunks, read_rows
from tfreg.cli.session import start_keras

_AT_ONCE = 16  # rows that are read before they are explained


def add_to(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser(
        "explain",
        help="show which words a run's answers stand on",
        description="For each text of a file or of standard input: what each word adds "
        "to the probability of the answer (integrated gradients), beside the same text "
        "with all words hidden. Of a tagger: for each word that is not tagged O. About "
        "a second a text.",
    )
    add_input(parser)
    parser.add_argument(
        "--target",
        metavar="LABEL",
        help="the label to explain; default: each text's most probable one",
    )
    parser.add_argument(
        "--steps",
        type=int,
        default=64,
        metavar="N",
        help="points from the hidden text to the text; more are more exact",
    )
    parser.add_argument(
        "--html", metavar="FILE", help="write a page with the words coloured, too"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Explain and print row after row; the page is written at the end."""
    from tfreg.runs import read_run

    if arguments.steps < 1:
        raise InputError(f"--steps: expected at least 1; got {arguments.steps}")
    run = read_run(arguments.folder)
    if arguments.target is not None and arguments.target not in run.labels:
        known = ", ".join(run.labels) or "none"
        raise InputError(f"--target {arguments.target}: the run's labels are {known}")
    place = Path(arguments.html) if arguments.html else None
    if place is not None and (place.is_dir() or not place.parent.is_dir()):
        raise InputError(f"--html {place}: not a file in a folder that is there")
    rows = read_rows(arguments, run.kind)
    start_keras()
    from tfreg.data.examples import Examples
    from tfreg.inspect import explain
    from tfreg.inspect.html import page

    model, parts = None, []
    kind: Any = run.kind
    for chunk in chunks(rows, _AT_ONCE):
        model = model or run.load_model(compile=False)
        for row in chunk:
            examples = Examples(kind, (row,))
            for found in explain(model, examples, arguments.target, arguments.steps):
                found.print()
                print(flush=True)
                parts.append(found.html())
    if place is not None:
        title = f"{run.facts['data']}: which words the answers stand on"
        place.write_text(page(title, parts), encoding="utf-8")
        print(f"page: {place}")
