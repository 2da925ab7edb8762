"""``tfreg evaluate``: score a run's model on labelled data."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from tfreg._checks import InputError
from tfreg.cli.devices import add_strategy, scope
from tfreg.cli.options import add_data_options, text_columns
from tfreg.cli.output import print_scores
from tfreg.cli.session import start_keras

if TYPE_CHECKING:
    from tfreg.data.examples import Examples
    from tfreg.runs import Run

_INPUTS = {"text": "single texts", "pair": "pairs of texts", "words": "words"}


def add_to(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser(
        "evaluate",
        help="score a run on labelled data",
        description="Score a run's model on one split of a corpus. Nothing is written.",
    )
    parser.add_argument("folder", metavar="RUN", help="a run folder")
    add_data_options(parser)
    parser.add_argument(
        "--split",
        choices=("train", "dev", "test"),
        default="test",
        help="split to score; a single file has only the one it is",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_strategy(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Read the split, check that it fits the model, print its scores."""
    from tfreg.runs import read_run, score
    from tfreg.runs.run import to_json

    run = read_run(arguments.folder)
    examples = read_split(arguments, run)
    start_keras()
    from tfreg.distribute import is_chief

    with scope(arguments.strategy):
        outcome = score(run.load_model(compile=False), examples)
        if not is_chief():
            return
    scores = outcome.scores()
    if arguments.json:
        print(to_json(scores), end="")
        return
    print(f"{arguments.data}, {arguments.split}: {len(examples)} rows\n")
    print_scores({arguments.split: scores})
    print(f"\n{outcome.report().rstrip()}")


def read_split(arguments: argparse.Namespace, run: Run) -> Examples:
    """The split of ``--data``, of the task, labels and kind of the run."""
    from tfreg.data.corpus import load_split

    examples, _ = load_split(
        arguments.data,
        arguments.split,
        task=run.task,
        labels=run.labels,
        text=text_columns(arguments),
        label=arguments.label,
        column=arguments.column,
        repair=arguments.repair,
    )
    if examples.kind != run.kind:
        raise InputError(
            f"--data {arguments.data}: has {_INPUTS[examples.kind]}, "
            f"and this run takes {_INPUTS[run.kind]}"
        )
    return examples
