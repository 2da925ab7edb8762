"""Reading objects from the serialised form that recipes and saved models hold."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from tfreg._checks import InputError, fail


def read_object(field: str, value: Any, base: type[Any], module: ModuleType) -> Any:
    """A live object, from one or from its serialised form.

    Args:
        field: the recipe field it is for, for errors.
        value: an instance of ``base``, or ``{"class_name": ..., "config": {...}}``
            as Keras writes it.
        base: what it must be an instance of.
        module: whose public names need no package (``"Swap"`` is ``"tfreg>Swap"``).

    Raises:
        InputError: neither, or one that no saved model could keep.
    """
    import keras  # heavy: only a recipe with an object in it pays for it

    ours = {name: getattr(module, name) for name in module.__all__}
    if isinstance(value, Mapping):
        try:
            value = keras.saving.deserialize_keras_object(dict(value), ours)
        except (ValueError, TypeError, KeyError) as error:
            first = str(error).splitlines()[0] if str(error) else repr(error)
            raise InputError(f"`{field}` cannot be read: {first}") from error
    if not isinstance(value, base):
        raise fail(field, f"a {base.__module__}.{base.__qualname__}", value)
    try:
        value.get_config()
    except NotImplementedError as error:
        raise InputError(
            f"`{field}`: {type(value).__name__} has no `get_config`, so no saved model "
            "could keep it"
        ) from error
    return value
