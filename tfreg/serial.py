"""Objects in the fields of a recipe, live or in their serialised form."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from typing import Any

from tfreg._checks import InputError, fail


def read_object(field: str, value: Any, base_class: str, module: str) -> Any:
    """A live object, from one or from what Keras's serialisation makes of it.

    Args:
        field: the recipe's field, for errors.
        value: an instance of ``base_class``; or a mapping with ``class_name`` (of one
            of the module's classes, or a registered name) and, unless all arguments
            are left out, ``config``.
        base_class: the name of what it must be.
        module: where that is; its ``__all__`` names the classes that need no package
            before them. It is imported only now: it may be heavy.

    Raises:
        InputError: neither, an unknown class, or arguments that the class refuses.

    Example:
        >>> written = {"class_name": "Projection", "config": {"width": 8}}
        >>> read_object("head", written, "Head", "tfreg.heads").width
        8
    """
    home = importlib.import_module(module)
    base = getattr(home, base_class)
    known = {
        name: found
        for name in home.__all__
        if isinstance(found := getattr(home, name), type) and issubclass(found, base)
    }
    if len(known) > 1:
        known.pop(base_class, None)  # which says nothing by itself
    if isinstance(value, Mapping):
        try:
            found = _class(value, base, known)
            value = found.from_config(dict(value.get("config") or {}))
        except (ValueError, TypeError, KeyError) as error:
            first = str(error).splitlines()[0] if str(error) else repr(error)
            raise InputError(f"`{field}` cannot be read: {first}") from error
    if not isinstance(value, base):
        raise fail(field, f"one of {', '.join(known)}", value)
    return value


def _class(value: Mapping[str, Any], base: type, known: Mapping[str, type]) -> Any:
    from keras.saving import get_registered_object

    name = value.get("registered_name") or value.get("class_name")
    if not isinstance(name, str):
        raise ValueError("it has no `class_name`")
    found = known.get(name.removeprefix("tfreg>")) or get_registered_object(name)
    if not isinstance(found, type) or not issubclass(found, base):
        raise ValueError(f"unknown class {name!r}; known: {', '.join(known)}")
    return found


def from_text(text: str) -> Any:
    """What the command line gives for an object: JSON, or the name of its class.

    Raises:
        InputError: neither.

    Example:
        >>> from_text("BitFit"), from_text("none")
        ({'class_name': 'BitFit', 'config': {}}, None)
    """
    if text == "none":
        return None
    if text.isidentifier():
        return {"class_name": text, "config": {}}
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            "an object is written as the name of its class or as JSON, for example "
            '\'{"class_name": "LoRA", "config": {"rank": 4}}\'; '
            f"got {text!r}"
        ) from error
