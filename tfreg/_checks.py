"""Argument checks, and the one style in which tfreg says no."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any


class InputError(ValueError):
    """Something the user gave cannot be used: one line that says what and why."""


class DataError(InputError):
    """A row, file or data set cannot be used; starts with ``file:line`` if known."""


class WorkerLost(RuntimeError):
    """Another process of a fit on several workers is gone, so this one cannot go on."""


class DataWarning(UserWarning):
    """Data was used, but not as it stood; the message counts the rows."""


def fail(name: str, expected: str, value: Any) -> InputError:
    """The error for argument ``name``: what was expected and what came."""
    return InputError(f"`{name}` must be {expected}; got {value!r}")


def check_number(
    name: str,
    value: Any,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """A finite number between ``low`` and ``high``, ends included unless open."""
    interval = f"{'(' if open_low else '['}{low:g}, {high:g}{')' if open_high else ']'}"
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if (
        not number
        or not _finite(value)
        or not (low < value if open_low else low <= value)
        or not (value < high if open_high else value <= high)
    ):
        raise fail(name, f"a number in {interval}", value)
    return float(value)


def _finite(value: int | float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer too large for a float
        return False


def check_integer(name: str, value: Any, *, low: int, high: int | None = None) -> int:
    """An integer of at least ``low`` (a bool is not one), at most ``high``."""
    integer = isinstance(value, int) and not isinstance(value, bool)
    if not integer or value < low or (high is not None and value > high):
        most = "" if high is None else f" and at most {high}"
        raise fail(name, f"an integer of at least {low}{most}", value)
    return value


def check_choice(name: str, value: Any, choices: Collection[Any]) -> Any:
    """One of ``choices``."""
    if value not in choices:
        raise fail(name, "one of " + ", ".join(map(repr, choices)), value)
    return value
