"""Options that come from the recipe's fields, and those that say where data is."""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Callable
from typing import Any

from tfreg._checks import InputError
from tfreg.cli.session import start_keras
from tfreg.recipe import NAMED, SHORT_NAMES, Recipe

# Fields that hold objects, which Keras reads.
_OBJECTS = {f.name for f in dataclasses.fields(Recipe) if f.type == "Any"}


def add_recipe_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--config`` and one option for every field and short name of the recipe."""
    group = parser.add_argument_group(
        "recipe", "Every setting of the fit; options override the file."
    )
    group.add_argument(
        "--config",
        metavar="FILE",
        help="recipe.json to start from, as a run has it, or the name of a recipe: "
        + ", ".join(NAMED),
    )
    for field in dataclasses.fields(Recipe):
        choices = field.metadata["choices"]
        default = "none" if field.default is None else field.default
        group.add_argument(
            option_name(field.name),
            type=_reader(field.metadata["type"], str(field.type)),
            choices=choices,
            default=argparse.SUPPRESS,
            metavar=None if choices else "X",
            help=_plain(f"{field.metadata['help']} (default: {default})"),
        )
    for name, (recipe_field, kind, _, text) in SHORT_NAMES.items():
        kind = kind.removeprefix("tfreg>")
        group.add_argument(
            option_name(name),
            type=_reader(float, "float"),
            default=argparse.SUPPRESS,
            metavar="X",
            help=_plain(f"{text}: short for {option_name(recipe_field)} {kind}"),
        )


def option_name(field: str) -> str:
    """The option of a recipe field: ``--weight-decay`` for ``weight_decay``."""
    return "--" + field.replace("_", "-")


def read_recipe(arguments: argparse.Namespace) -> Recipe:
    """The recipe of ``--config``, or the default one, with the options put over it."""
    given = vars(arguments)
    known = [field.name for field in dataclasses.fields(Recipe)]
    if given["config"] is not None or given.keys() & {*SHORT_NAMES, *_OBJECTS}:
        start_keras()  # to read them
    fields = {}
    if given["config"] is not None:
        fields = _start(given["config"]).to_json()
    for name, row in SHORT_NAMES.items():
        if name in given:
            fields.pop(row[0], None)
    options = {name: given[name] for name in (*known, *SHORT_NAMES) if name in given}
    return Recipe.from_options({**fields, **options})


def _start(config: str) -> Recipe:
    if os.path.exists(config):
        return Recipe.from_json(config)
    if config in NAMED:
        return Recipe.preset(config)
    raise InputError(
        f"--config: {config}: No such file, nor a recipe of that name: "
        + ", ".join(NAMED)
    )


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--data`` and what says how to read it."""
    group = parser.add_argument_group("data")
    group.add_argument(
        "--data",
        required=True,
        metavar="SOURCE",
        help="folder or file of .tsv, .csv, .jsonl or CoNLL columns (.txt, .conll, "
        ".conllu), gzipped or not; or tfds:NAME; or demo",
    )
    add_text_option(group)
    group.add_argument(
        "--label", metavar="NAME", help="column of the label; detected if not given"
    )
    group.add_argument(
        "--column",
        type=_column,
        metavar="X",
        help="CoNLL column of the tag: its number, counted from 0 (the last is -1), "
        "or its CoNLL-U name",
    )
    group.add_argument(
        "--repair", action="store_true", help="repair bad rows and count them"
    )


def add_text_option(group: Any) -> None:
    """Add ``--text``, once for texts and twice for pairs."""
    group.add_argument(
        "--text",
        action="append",
        metavar="NAME",
        help="column of the text; twice for pairs; detected if not given",
    )


def text_columns(arguments: argparse.Namespace) -> str | tuple[str, ...] | None:
    """What ``--text`` gave: a column, two of them, or None."""
    names = arguments.text or [None]
    if len(names) > 2:
        raise InputError(f"--text: one or two columns; got {', '.join(names)}")
    return names[0] if len(names) == 1 else tuple(names)


def _reader(read: Callable[[str], Any], expected: str) -> Callable[[str], Any]:
    """`read` with an error message that says what was expected."""

    def reader(text: str) -> Any:
        try:
            return read(text)
        except InputError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
        except ValueError as error:
            message = f"expected {expected.replace('None', 'none')}; got {text!r}"
            raise argparse.ArgumentTypeError(message) from error

    return reader


def _column(text: str) -> str | int:
    try:
        return int(text)
    except ValueError:
        return text


def _plain(text: str) -> str:
    return text.replace("%", "%%")
