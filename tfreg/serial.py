"""Objects in a recipe's fields, read from their serialised form."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from tfreg._checks import InputError, fail


def read_object(field: str, value: Any, base_class: str, module: str) -> Any:
    """A live object of ours, from one or from what Keras's serialisation says of it.

    Args:
        field: the argument's name, for errors.
        value: an object, or a mapping with ``class_name`` and, but for defaults,
            ``config``; any class that is not ours must be registered with Keras.
        base_class: the name of the class that it must be an instance of.
        module: where that class and ours are, imported only now: it may be heavy.

    Raises:
        InputError: an unknown class, a config it does not take, or another object.

    Example:
        >>> written = {"class_name": "Projection", "config": {"width": 8}}
        >>> read_object("head", written, "Head", "tfreg.heads").width
        8
    """
    import keras

    home = importlib.import_module(module)
    base = getattr(home, base_class)
    if isinstance(value, Mapping):
        ours = {name: getattr(home, name) for name in home.__all__}
        try:
            with keras.saving.custom_object_scope(ours):
                value = keras.saving.deserialize_keras_object({"config": {}, **value})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            first = str(error).splitlines()[0] if str(error) else repr(error)
            raise InputError(f"`{field}` cannot be read: {first}") from error
    if not isinstance(value, base):
        raise fail(field, f"a {module}.{base_class}", value)
    return value
