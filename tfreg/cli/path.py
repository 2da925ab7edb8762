"""``tfreg path``: fits along the strength of a penalty, and which of them to take."""

from __future__ import annotations

import argparse
from typing import Any

from tfreg._checks import InputError
from tfreg.cli.options import add_data_options, add_recipe_options, read_recipe
from tfreg.cli.output import verbosity
from tfreg.cli.session import start_keras
from tfreg.cli.train import add_fit_options, add_task, read_corpus
from tfreg.recipe import PENALTIES


def add_to(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser(
        "path",
        usage="tfreg path {classify,regress,tag} --data SOURCE --out DIR [options]",
        help="fit along the strength of a penalty, from strong to weak",
        description="Fit a model for each of many strengths of a penalty, score them "
        "on the dev rows, and write the scores, pictures, and the recipes of the best "
        "strength and of the strongest within one standard error of it. The encoder "
        "is frozen, and a hundred heads are fitted together, exactly; with --freeze "
        "none it is fine-tuned for every strength.",
    )
    add_task(parser)
    add_data_options(parser)
    add_fit_options(parser)
    parser.add_argument("--out", required=True, metavar="DIR", help="an empty folder")
    parser.add_argument(
        "--penalty",
        default="l2",
        choices=(*PENALTIES, "elastic_net"),
        metavar="NAME",
        help=f"{', '.join(PENALTIES)}, or elastic_net",
    )
    parser.add_argument(
        "--strengths",
        metavar="X",
        help="how many from 1 to 1e-6, WEAKEST:STRONGEST:NUMBER, or numbers with "
        "commas between (default: 100; with a fine-tuned encoder 7)",
    )
    parser.add_argument(
        "--l1-ratio",
        type=float,
        metavar="X",
        help="share of L1 in elastic_net (default: 0.5)",
    )
    add_recipe_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Check everything that is cheap to check, then read, fit and write."""
    from tfreg.runs import check_out, new_folder

    check_out(arguments.out)
    strengths = _strengths(arguments.strengths)
    start_keras()
    from tfreg.tuning.regularization_path import (
        frozen_by_default,
        regularization_path,
    )

    if arguments.config is None:
        vars(arguments).update(frozen_by_default(arguments.task, vars(arguments)))
    recipe = read_recipe(arguments)
    corpus = read_corpus(arguments, recipe.seed)
    if corpus.dev is None:
        raise InputError(f"--data {arguments.data}: no dev split to choose by")
    with new_folder(arguments.out) as folder:
        path = regularization_path(
            corpus,
            arguments.preset,
            arguments.penalty,
            strengths,
            l1_ratio=arguments.l1_ratio,
            recipe=recipe,
            feature_cache=arguments.feature_cache,
            verbose=verbosity(arguments),
        )
        path.write(folder)
    metric = path.monitor[0]
    print(f"{'':16}{'strength':>10}{'dev ' + metric:>20}")
    for name, strength in (("best", path.best), ("simplest", path.simplest)):
        score = path.scores[path.strengths.index(strength)]
        print(f"{name:16}{strength:>10.3g}{score:>20.4f}")
    print(
        f"simplest: the strongest within one standard error, {path.error:.4f}, of the "
        "best"
    )
    print(f"tfreg train ... --config {arguments.out}/best.json fits the best by itself")


def _strengths(text: str | None) -> Any:
    return int(text) if text is not None and text.isdigit() else text
