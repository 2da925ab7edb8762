"""The parser: one sub-parser a command, errors in one line, defaults in the help."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from tfreg._checks import InputError


class Parser(argparse.ArgumentParser):
    """Raises `InputError` where `argparse` would print its usage and exit."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("formatter_class", Formatter)
        super().__init__(allow_abbrev=False, **kwargs)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, and where help is."""
        raise InputError(f"{message} (see `{self.prog} --help`)")


class Formatter(argparse.HelpFormatter):
    """Shows the default of every option that has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, False, argparse.SUPPRESS):
            return action.help
        return f"{action.help} (default: %(default)s)"


class _Version(argparse.Action):
    """Looks versions up only when asked: that reads the installed packages."""

    def __call__(self, parser: Any, *_: Any, **__: Any) -> None:
        from tfreg.runs.fit import versions

        print("\n".join(f"{name} {version}" for name, version in versions().items()))
        parser.exit()


def build_parser() -> Parser:
    """The parser of ``tfreg``; the parsed arguments have ``run``, the command."""
    from tfreg.cli import (
        demo,
        evaluate,
        explain,
        info,
        path,
        predict,
        search,
        train,
    )

    parser = Parser(
        prog="tfreg",
        description="Regularised fine-tuning of BERT-type encoders: text classifiers, "
        "regressors and word taggers.",
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, help="show versions and exit"
    )
    commands = parser.add_subparsers(
        metavar="COMMAND", required=True, parser_class=Parser, title="commands"
    )
    for command in (train, search, path, evaluate, predict, explain, demo, info):
        command.add_to(commands)
    return parser
