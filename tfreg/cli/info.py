"""``tfreg info``: what a run folder holds, without loading its model."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from tfreg.cli.output import print_scores

_INPUTS = {"text": "texts", "pair": "pairs of texts", "words": "lists of words"}


def add_to(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser(
        "info",
        help="show what a run folder holds",
        description="Show task, labels, data, recipe, penalties, scores and versions.",
    )
    parser.add_argument("folder", metavar="RUN", help="a run folder")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print the run's own files, in short."""
    from tfreg.runs import read_run
    from tfreg.runs.card import recipe_changes

    run = read_run(arguments.folder)
    facts, metrics = run.facts, run.metrics
    changes = recipe_changes(run.recipe)
    rows = ", ".join(f"{count} {name}" for name, count in facts["rows"].items())
    lines = {
        "task": f"{run.task}, of {_INPUTS[run.kind]}",
        "labels": f"{len(run.labels)}: {', '.join(run.labels)}" if run.labels else "",
        "data": f"{facts['data']}: {rows}",
        "preset": f"{facts['preset']}, {facts['trainable_parameters']} weights trained",
        "recipe": ", ".join(f"{k}={v}" for k, v in changes.items()) or "the default",
        "fit": f"{len(metrics['epochs'])} epochs, {metrics['seconds']:.1f} s, "
        f"{metrics['real_tokens_per_second']:.0f} word pieces a second",
        "versions": ", ".join(f"{k} {v}" for k, v in facts["versions"].items()),
    }
    for name, text in lines.items():
        if text:
            print(f"{name:10}{text}")
    for line in penalty_lines(facts["penalties"]):
        print(f"{'penalty':10}{line}")
    print()
    print_scores({split: metrics[split] for split in ("dev", "test")})


def penalty_lines(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """One line for each penalty: how strong, on how many variables, its value.

    Example:
        >>> row = {"path": "logits/kernel", "penalty": "L2", "strength": {"l2": 0.1}}
        >>> penalty_lines([{**row, "value": 0.5}])
        ['L2(l2=0.1) on logits/kernel: 0.5']
    """
    values: dict[str, dict[str, float]] = defaultdict(dict)
    for row in rows:
        strength = ", ".join(f"{k}={v:g}" for k, v in row["strength"].items())
        values[f"{row['penalty']}({strength})"][row["path"]] = row["value"]
    return [
        f"{penalty} on {next(iter(on)) if len(on) == 1 else f'{len(on)} weights'}: "
        f"{sum(on.values()):.4g}"
        for penalty, on in values.items()
    ]
