"""``tfreg search``: try settings, and say which of them to take."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from tfreg._checks import InputError
from tfreg.cli.devices import add_strategy, picked_strategy
from tfreg.cli.options import add_data_options, add_recipe_options, read_recipe
from tfreg.cli.session import start_keras
from tfreg.cli.train import add_preset, add_task, read_corpus


def add_to(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser(
        "search",
        usage="tfreg search {classify,regress,tag} --data SOURCE --out DIR [options]",
        help="search strengths, dropout rates and other settings",
        description="Try settings, judge them by a dev score without penalties, beside "
        "the recipe all share and the same without the penalties searched, and write "
        "the trials, pictures and the recipes to take. Killed and started again with "
        "the same words it goes on where it was. With KerasTuner's environment "
        "variables several processes share one search (see README.md).",
    )
    add_task(parser)
    add_data_options(parser)
    add_preset(parser)
    parser.add_argument("--out", required=True, metavar="DIR", help="the search folder")
    group = parser.add_argument_group("search")
    group.add_argument(
        "--search",
        action="append",
        metavar="NAME=RANGE",
        help="a setting to search, as l2=log:1e-6:1e-1, dropout=uniform:0:0.5, "
        "reinitialize=int:0:3 or objective.rdrop=choice:0,0.5,1; once for each "
        "(default: what suits the task)",
    )
    group.add_argument("--space", metavar="FILE", help="a JSON file of such, by name")
    group.add_argument(
        "--tuner",
        default="random",
        choices=("random", "grid", "hyperband", "bayesian"),
        help="what chooses the trials",
    )
    group.add_argument(
        "--trials",
        type=int,
        metavar="N",
        help="at most so many (default: 20; hyperband has its own number)",
    )
    group.add_argument("--seeds", type=int, default=1, metavar="N", help="fits a trial")
    group.add_argument(
        "--folds",
        type=int,
        metavar="N",
        help="judge by cross-validation over the training rows instead of the dev rows",
    )
    group.add_argument(
        "--metric",
        metavar="NAME",
        help="the dev score that judges (default: the fit's)",
    )
    add_strategy(parser)
    add_recipe_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Read what is cheap to read, then search."""
    space = _space(arguments)
    recipe = read_recipe(arguments)
    start_keras()
    from tfreg.tuning import search

    corpus = read_corpus(arguments, recipe.seed)
    result = search(
        corpus,
        arguments.preset,
        space,
        out=arguments.out,
        tuner=arguments.tuner,
        trials=arguments.trials,
        seeds=arguments.seeds,
        folds=arguments.folds,
        metric=arguments.metric,
        recipe=recipe,
        strategy=picked_strategy(arguments.strategy),
        said=_say,
    )
    for name, trial in (("best", result.best), ("simplest", result.simplest)):
        score, error = result.score(trial), result.error(trial)
        print(
            f"{name}: trial {trial.name}, dev {result.metric} {score:.4f} ± {error:.4f}"
        )
    for line in result.verdict():
        print(line)
    print(f"tfreg train ... --config {arguments.out}/best.json fits the best")


def _space(arguments: argparse.Namespace) -> Any:
    if arguments.search is None:
        return arguments.space
    if arguments.space is not None:
        raise InputError("--search and --space cannot be combined; give one of them")
    found = {}
    for text in arguments.search:
        name, equals, dimension = text.partition("=")
        if not equals:
            raise InputError(
                f"--search is written as NAME=RANGE, as l2=log:1e-6:1e-1; got {text!r}"
            )
        name = name.replace("-", "_")
        if name in found:
            raise InputError(f"--search: {name} is given twice, at last as {text!r}")
        found[name] = dimension
    return found


def _say(name: str, values: Mapping[str, Any], scores: list[float]) -> None:
    shown = ", ".join(
        f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in values.items()
    )
    mean = f"{sum(scores) / len(scores):.4f}" if scores else "failed"
    print(f"trial {name}: {mean}" + (f" ({shown})" if shown else ""), flush=True)
