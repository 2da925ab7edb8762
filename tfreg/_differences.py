"""What differs between the settings of two things that should be one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


def differences(found: Any, wanted: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Each place where two JSON values differ: its name, and what it was and is.

    Example:
        >>> list(differences({"a": {"b": 1}}, {"a": {"b": 2}, "c": "x"}))
        [('a.b', 'was 1, is 2'), ('c', 'was not there, is "x"')]
    """
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in dict.fromkeys((*found, *wanted)):
            inner = f"{name}.{key}" if name else key
            yield from differences(found.get(key), wanted.get(key), inner)
    elif found != wanted:
        yield name, f"was {_short(found)}, is {_short(wanted)}"


def _short(value: Any) -> str:
    text = "not there" if value is None else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:28]}...{text[-29:]}"
