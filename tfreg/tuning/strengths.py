"""The strengths of a path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfreg._checks import InputError, check_integer, check_number, fail

_ENDS = 1.0, 1e-6


def read_strengths(value: Any) -> tuple[float, ...]:
    """Strengths, strongest first: from a number of them, some, or text.

    Args:
        value: how many, evenly on a log scale from 1 to 1e-6; or the strengths; or
            text: ``"WEAKEST:STRONGEST:NUMBER"`` or ``"0.1,0.01"``.

    Raises:
        InputError: fewer than two, one that is not above 0, or is there twice.

    Example:
        >>> read_strengths([1e-3, 0.1]), read_strengths("0.01:1:3"), read_strengths(2)
        ((0.1, 0.001), (1.0, 0.1, 0.01), (1.0, 1e-06))
    """
    if isinstance(value, str):
        value = _from_text(value)
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        count = check_integer("strengths", int(value), low=2)
        value = _evenly(*_ENDS, count)
    if isinstance(value, (str, bytes)) or not isinstance(value, (Sequence, np.ndarray)):
        raise fail("strengths", "a number of them, or a sequence", value)
    found = [
        check_number(f"strengths[{i}]", _plain(one), low=0, open_low=True)
        for i, one in enumerate(value)
    ]
    if len(found) < 2 or len(set(found)) < len(found):
        raise fail("strengths", "at least two, all different", value)
    return tuple(sorted(found, reverse=True))


def _from_text(text: str) -> Any:
    parts = text.split(":") if ":" in text else text.split(",")
    try:
        if ":" not in text:
            return [float(one) for one in parts]
        weak, strong, count = parts
        ends = float(strong), float(weak), int(count)
    except ValueError as error:
        raise InputError(
            "`strengths` is written as WEAKEST:STRONGEST:NUMBER, as in 1e-6:1:100, or "
            f"as numbers with commas between; got {text!r}"
        ) from error
    return _evenly(*ends)


def _evenly(first: float, last: float, count: int) -> list[float]:
    for end in (first, last):
        check_number("strengths", end, low=0, open_low=True)
    check_integer("strengths", count, low=2)
    # Twelve digits: 0.1 is to be 0.1.
    return [float(f"{one:.12g}") for one in np.geomspace(first, last, count)]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
