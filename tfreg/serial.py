"""Objects in recipe fields, live or in Keras's serialised form."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from tfreg._checks import InputError, fail


def read_object(field: str, value: Any, base_class: type, module: ModuleType) -> Any:
    """A live object, from one or from its serialised form.

    Args:
        field: what errors call it.
        value: an instance, or what `keras.saving.serialize_keras_object` makes of one:
            ``{"class_name": "RDrop", "config": {"weight": 1.0}}`` is enough.
        base_class: what it must be an instance of.
        module: whose public names need no ``"tfreg>"`` before them.

    Raises:
        InputError: anything else, or arguments that the class refuses.

    Example:
        >>> from tfreg import objectives
        >>> form = {"class_name": "RDrop", "config": {"weight": 0.5}}
        >>> read_object("objective", form, objectives.Objective, objectives)
        RDrop(weight=0.5)
    """
    import keras  # heavy: only a recipe with objects in it pays for it

    if isinstance(value, Mapping):
        ours = {name: getattr(module, name) for name in module.__all__}
        try:
            with keras.saving.custom_object_scope(ours):
                value = keras.saving.deserialize_keras_object(dict(value))
        except (ValueError, TypeError, KeyError) as error:
            # Keras wraps what a constructor says of its arguments in a page of advice.
            said = str(error.__context__ or error) or repr(error)
            first = said.splitlines()[0]
            raise InputError(f"`{field}` cannot be read: {first}") from error
    if not isinstance(value, base_class):
        raise fail(field, f"a {module.__name__}.{base_class.__name__}", value)
    return value
