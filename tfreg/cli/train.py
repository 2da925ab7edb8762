"""``tfreg train``: fit a model to a corpus and write a run folder."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from tfreg._checks import InputError
from tfreg.cli.devices import add_strategy, scope
from tfreg.cli.options import (
    add_data_options,
    add_recipe_options,
    read_recipe,
    text_columns,
)
from tfreg.cli.output import add_overwrite, add_quiet, print_scores, verbosity
from tfreg.cli.session import start_keras

if TYPE_CHECKING:
    from tfreg.data.corpus import Corpus


def add_to(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser(
        "train",
        usage="tfreg train {classify,regress,tag} --data SOURCE --out DIR [options]",
        help="fit a model to labelled texts and write a run folder",
        description="Fine-tune an encoder and write one folder with the model, its "
        "recipe, scores, pictures and card.",
    )
    add_task(parser)
    add_data_options(parser)
    add_fit_options(parser)
    add_overwrite(parser)
    parser.add_argument("--out", required=True, metavar="DIR", help="the run folder")
    parser.add_argument(
        "--self-contained",
        action="store_true",
        help="with --adapter: keep all of the model, not only what was trained and the "
        "preset's name",
    )
    add_checkpoint_options(parser)
    add_strategy(parser)
    add_recipe_options(parser)
    parser.set_defaults(run=run)


def add_checkpoint_options(parser: Any) -> None:
    """Add what makes a fit go on after it was stopped."""
    group = parser.add_argument_group(
        "stopping and going on",
        "Checkpoints lie beside the run folder until it is complete.",
    )
    group.add_argument(
        "--checkpoint-every",
        type=int,
        metavar="N",
        help="updates from one checkpoint to the next (default: the ends of epochs, a "
        "minute apart or more)",
    )
    group.add_argument(
        "--resume",
        action="store_true",
        help="go on with a fit that was stopped, as if it had not been; begin if there "
        "is none",
    )
    group.add_argument(
        "--allow-changes",
        action="append",
        default=[],
        metavar="NAME",
        help="with --resume: what may differ from before, as the error names it "
        "(recipe.epochs, data.dev); once for each",
    )
    group.add_argument(
        "--deterministic",
        action="store_true",
        help="the same bits from every run of the same command, on the same machine "
        "with the same versions; slower",
    )


def add_task(parser: Any) -> None:
    """Add what is to be learned."""
    parser.add_argument(
        "task",
        choices=("classify", "regress", "tag"),
        help="one label (or several, from JSONL lists) or one number a text, or one "
        "tag a word",
    )


def add_preset(parser: Any) -> None:
    """Add the encoder."""
    parser.add_argument(
        "--preset",
        default="minilm",
        help="KerasHub preset name or handle, local folder, saved model, or minilm",
    )


def add_fit_options(parser: Any) -> None:
    """Add what commands that fit take, beside the recipe."""
    add_preset(parser)
    add_quiet(parser)
    parser.add_argument(
        "--feature-cache",
        type=lambda text: False if text == "none" else text,
        metavar="DIR",
        help="with --freeze: where the encoder's features are kept for other epochs "
        "and runs; none: nowhere (default: tfreg/features in Keras's folder)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Check everything that is cheap to check, then read, fit and write."""
    from tfreg.runs import check_out, fit_run

    check_out(arguments.out, overwrite=arguments.overwrite)
    recipe = read_recipe(arguments)
    if arguments.allow_changes and not arguments.resume:
        raise InputError("--allow-changes needs --resume")
    start_keras()
    if arguments.deterministic:
        from tfreg import _compat

        if not _compat.on_tensorflow():
            raise InputError("--deterministic needs Keras's TensorFlow backend")
        _compat.make_deterministic(recipe.seed)
    from tfreg.distribute import is_chief

    corpus = read_corpus(arguments, recipe.seed)
    with scope(arguments.strategy):
        done = fit_run(
            corpus,
            arguments.preset,
            recipe,
            arguments.out,
            data=arguments.data,
            overwrite=arguments.overwrite,
            verbose=verbosity(arguments),
            feature_cache=arguments.feature_cache,
            self_contained=arguments.self_contained,
            checkpoint_every=arguments.checkpoint_every,
            resume=arguments.resume,
            allow_changes=arguments.allow_changes,
        )
        chief = is_chief()
    if chief:
        print_scores({split: done.metrics[split] for split in ("dev", "test")})
        print(f"run folder: {arguments.out}")


def read_corpus(arguments: argparse.Namespace, seed: int) -> Corpus:
    """The corpus of ``--data``, of the kind the task needs; says what was read."""
    from tfreg.data.corpus import load_corpus

    # A classifier learns one label or several, as the labels in the data are.
    task = None if arguments.task == "classify" else arguments.task
    corpus = load_corpus(
        arguments.data,
        task=task,
        text=text_columns(arguments),
        label=arguments.label,
        column=arguments.column,
        seed=seed,
        repair=arguments.repair,
    )
    if task is None and corpus.task not in ("classify", "multilabel"):
        raise InputError(
            f"--data {arguments.data}: has one tag a word; use `tfreg train tag`"
        )
    for line in corpus.report:
        print(line)
    return corpus
