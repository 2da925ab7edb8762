"""What commands that fit say and write, and how much of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any


def add_overwrite(parser: argparse.ArgumentParser) -> None:
    """Add ``--overwrite``."""
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the run in that folder"
    )


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Add ``--quiet``."""
    parser.add_argument("--quiet", action="store_true", help="no progress bars")


def verbosity(arguments: argparse.Namespace) -> int:
    """Keras's `verbose`: bars on a terminal, one line an epoch in a log file."""
    if arguments.quiet:
        return 0
    return 1 if sys.stdout.isatty() else 2


def print_scores(scores: Mapping[str, Mapping[str, Any]]) -> None:
    """Print the scores of the splits that have some, side by side."""
    scores = {split: values for split, values in scores.items() if values}
    print(" " * 16 + "".join(f"{split:>9}" for split in scores))
    for name in next(iter(scores.values())):
        values = [values.get(name) for values in scores.values()]
        cells = ["-" if value is None else f"{value:.4f}" for value in values]
        print(f"{name:16}" + "".join(f"{cell:>9}" for cell in cells))
