"""The kinds of fields: what each must be, and how it is read from a command line."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from tfreg._checks import InputError, check_choice, check_integer, check_number
from tfreg.recipe.objects import HEADS
from tfreg.serial import from_text


class Kind(NamedTuple):
    """What a field may hold.

    Args:
        read: from the text of a command line to a value.
        check: from the field's name and a value to what the field then holds; it
            refuses what it must not be.
        choices: all it may be, where these are a few names.
    """

    read: Callable[[str], Any]
    check: Callable[[str, Any], Any]
    choices: tuple[str, ...] | None = None

    @property
    def or_none(self) -> Kind:
        """The same, or None: ``none`` on a command line."""

        def read(text: str) -> Any:
            return None if text == "none" else self.read(text)

        def check(name: str, value: Any) -> Any:
            return None if value is None else self.check(name, value)

        return Kind(read, check)


def number(**bounds: Any) -> Kind:
    """A number; bounds as for `check_number`."""
    return Kind(float, partial(check_number, **bounds))


def integer(**bounds: Any) -> Kind:
    """An integer; bounds as for `check_integer`."""
    return Kind(int, partial(check_integer, **bounds))


def choice(*names: str) -> Kind:
    """One of some names."""
    return Kind(str, partial(check_choice, choices=names), names)


def live(check: Callable[[str, Any], Any]) -> Kind:
    """An object, which a command line gives by its class or as JSON."""
    return Kind(from_text, check)


def field(default: Any, kind: Kind, help: str) -> Any:
    """A field of a recipe."""
    metadata = {
        "help": help,
        "type": kind.read,
        "check": kind.check,
        "choices": kind.choices,
    }
    return dataclasses.field(default=default, metadata=metadata)


def read_freeze(text: str) -> str | int | None:
    """Read ``freeze`` from a command line: a name or a number of blocks."""
    if text == "none":
        return None
    return int(text) if text.isdigit() else text


def check_freeze(name: str, value: Any) -> Any:
    """What ``freeze`` may be."""
    if isinstance(value, str) or value is None:
        return check_choice(name, value, (None, "embeddings", "backbone"))
    return check_integer(name, value, low=1)


def read_head_text(text: str) -> Any:
    """Read ``head`` from a command line: a name, or an object."""
    return text if text in HEADS else from_text(text)


def read_penalty_text(text: str) -> Any:
    """Read a regulariser from a command line: Keras's serialised JSON."""
    example = '{"class_name": "L2", "config": {"l2": 1e-4}}'
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"a regularizer is written as JSON, for example '{example}' (or use --l1, "
            f"--l2, --l2sp); got {text!r}"
        ) from error


RATE = number(low=0, high=1, open_high=True)
SHARE = number(low=0, high=1, open_low=True)
COUNT = integer(low=1)
COUNT_OR_0 = integer(low=0)
AT_LEAST_0 = number(low=0)
ABOVE_0 = number(low=0, open_low=True)
