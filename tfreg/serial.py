"""Objects in the fields of a recipe, from their serialised form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfreg._checks import InputError, fail


def read_object(field: str, value: Any, base_class: type, module: Any) -> Any:
    """A live object, from one or from Keras's serialised form of one.

    Args:
        field: name of the recipe's field, for errors.
        value: what was given.
        base_class: what it has to be an instance of.
        module: the package whose public names need no prefix.

    Raises:
        InputError: it cannot be read, or is something else.

    Example:
        >>> from tfreg import heads
        >>> head = {"class_name": "Bottleneck", "config": {"dim": 64}}
        >>> read_object("head", head, heads.Head, heads).dim
        64
    """
    import keras  # heavy: only a recipe with an object pays for it

    if isinstance(value, Mapping):
        ours = {name: getattr(module, name) for name in module.__all__}
        try:
            with keras.saving.custom_object_scope(ours):
                value = keras.saving.deserialize_keras_object(dict(value))
        except (ValueError, TypeError, KeyError) as error:
            first = str(error).splitlines()[0] if str(error) else repr(error)
            raise InputError(f"`{field}` cannot be read: {first}") from error
    if not isinstance(value, base_class):
        raise fail(field, f"a {module.__name__}.{base_class.__name__}", value)
    return value
