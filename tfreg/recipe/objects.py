"""Objects in fields: from what a user gives to live ones, and to JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfreg._checks import InputError, fail
from tfreg.serial import read_object

HEADS = ("linear", "crf", "projection")  # those known by a name
_HOMES = {
    "adapter": ("Adaptation", "tfreg.adapt"),
    "augment": ("Augmentation", "tfreg.data.augment"),
    "child_tuning": ("ChildTuning", "tfreg.optimizers"),
    "head": ("Head", "tfreg.heads"),
    "objective": ("Objective", "tfreg.objectives"),
}


def read_one(name: str, value: Any) -> Any:
    """The live object of a field, or None."""
    return None if value is None else read_object(name, value, *_HOMES[name])


def read_head(name: str, value: Any) -> Any:
    """A head's name as it is, or a live head."""
    if isinstance(value, str) and value in HEADS:
        return value
    if isinstance(value, str):
        raise fail(name, "one of " + ", ".join(map(repr, (None, *HEADS))), value)
    return read_one(name, value)


def read_objectives(name: str, value: Any) -> Any:
    """One live objective, or several in a tuple; None for none."""
    if not isinstance(value, (list, tuple)):
        return read_one(name, value)
    return tuple(read_object(name, one, *_HOMES[name]) for one in value) or None


def read_augmentations(name: str, value: Any) -> Any:
    """Live augmentations in a tuple."""
    if value is None:
        return None
    values = value if isinstance(value, (list, tuple)) else (value,)
    if not values:
        raise fail(name, "an augmentation, or several", value)
    return tuple(read_object(name, one, *_HOMES[name]) for one in values)


def read_head_penalties(name: str, value: Any) -> Any:
    """Live regularisers of the head's kernels; refuse those that need an encoder."""
    found = read_penalties(name, value)
    if found is None:
        return None
    from tfreg.regularizers.combined import encoder_only, several  # heavy, as Keras is

    for one in several(found):
        inner = encoder_only(one)
        if getattr(inner, "needs_anchor", False):
            raise InputError(
                f"`{name}` cannot be anchored: the head has no pretrained values; use "
                f"`backbone_regularizer={type(one).__name__}(...)`"
            )
        if inner is not None:
            raise InputError(
                f"`{name}` cannot be {type(inner).__name__}, which acts on blocks of "
                "an encoder; use `backbone_regularizer`"
            )
    return found


def read_backbone_penalties(name: str, value: Any) -> Any:
    """Live regularisers, or a mapping from path patterns to such."""
    if not isinstance(value, Mapping) or "class_name" in value:
        return read_penalties(name, value)
    if not value or not all(isinstance(key, str) for key in value):
        raise fail(name, "a mapping from path patterns to regularizers", value)
    return {
        pattern: read_penalties(name, one, pattern) for pattern, one in value.items()
    }


def read_penalties(name: str, value: Any, pattern: str | None = None) -> Any:
    """A live regulariser, or several in a tuple, from themselves or their JSON."""
    if not isinstance(value, (list, tuple)):
        return _read_penalty(name, value, pattern)
    if not value:
        raise fail(name, "at least one regularizer in a list", value)
    if any(one is None for one in value):
        raise fail(name, "regularizers in a list", value)
    return tuple(_read_penalty(name, one, pattern) for one in value)


def _read_penalty(name: str, value: Any, pattern: str | None = None) -> Any:
    """A live Keras regulariser, from one or from its serialised form."""
    if value is None and pattern is None:
        return None
    import keras  # heavy: only a recipe with a penalty pays for it

    from tfreg import regularizers

    ours = {name: getattr(regularizers, name) for name in regularizers.__all__}
    where = name if pattern is None else f"{name}[{pattern!r}]"
    if isinstance(value, Mapping):
        try:
            with keras.saving.custom_object_scope(ours):  # "L2SP" is enough
                value = keras.regularizers.get(dict(value))
        except (ValueError, TypeError, KeyError) as error:
            first = str(error).splitlines()[0] if str(error) else repr(error)
            raise InputError(f"`{where}` cannot be read: {first}") from error
    if not isinstance(value, keras.regularizers.Regularizer):
        raise fail(where, "a keras.regularizers.Regularizer", value)
    try:
        value.get_config()
    except NotImplementedError as error:
        raise InputError(
            f"`{where}`: {type(value).__name__} has no `get_config`, so no saved model "
            "could keep it"
        ) from error
    return value


def to_json(value: Any) -> Any:
    """What a field holds as plain JSON values."""
    if isinstance(value, Mapping):
        return {pattern: to_json(regularizer) for pattern, regularizer in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(one) for one in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    import keras

    return keras.saving.serialize_keras_object(value)
