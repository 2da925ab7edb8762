"""A row's label, labels or number, out of what a file holds."""

from __future__ import annotations

import math
from typing import Any

from tfreg.data.ledger import BadRow

# Python also reads 1_000 as a number; no file means that.
_NOT_IN_NUMBERS = "_"


def read_target(task: str, value: Any) -> Any:
    """The target of one text: a class name, a tuple of them, or a float.

    Raises:
        BadRow: the value is none for this task.

    Example:
        >>> read_target("classify", 1), read_target("multilabel", ["a", "b"])
        ('1', ('a', 'b'))
        >>> read_target("regress", "3.80")
        3.8
    """
    if task == "regress":
        return read_number(value)
    if task == "multilabel":
        return read_names(value)
    return read_name(value)


def read_name(value: Any) -> str:
    """A class name: a string that is not blank, an integer, or a bool as in JSON."""
    if value is None or isinstance(value, str) and not value.strip():
        raise BadRow("no label", "no label")
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        raise BadRow("label is a list", f"expected one label; got the list {value!r}")
    raise BadRow(
        "label is no name", f"label must be a string or an integer; got {value!r}"
    )


def read_names(value: Any) -> tuple[str, ...]:
    """The class names of a list, which may be empty, in its order."""
    if not isinstance(value, list):
        raise BadRow("label is no list", f"expected a list of labels; got {value!r}")
    names = tuple(read_name(item) for item in value)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BadRow("label given twice", f"label {twice!r} is given twice")
    return names


def read_number(value: Any) -> float:
    """A finite number."""
    number = math.nan
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        if not (isinstance(value, str) and _NOT_IN_NUMBERS in value):
            try:
                number = float(value)
            except (ValueError, OverflowError):
                pass
    if not math.isfinite(number):
        raise BadRow("not a number", f"expected a finite number; got {value!r}")
    return number
