"""Search spaces: a range for each of some settings of a recipe."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from os import PathLike
from typing import Any

from tfreg._checks import InputError, fail
from tfreg.recipe import SHORT_NAMES, Recipe
from tfreg.tuning.dimensions import (
    Dimension,
    LogUniform,
    Uniform,
    read_dimension,
)

# Fields that are one simple value, and so can be searched by their own names.
_PLAIN = tuple(
    field.name
    for field in dataclasses.fields(Recipe)
    if field.type != "Any" and field.name not in ("precision", "seed")
)
_TEXTS: dict[str, Dimension] = {
    "l2": LogUniform(1e-6, 1e-1),
    "l2sp": LogUniform(1e-5, 1e-1),
    "dropout": Uniform(0.0, 0.5),
    "learning_rate": LogUniform(2e-5, 5e-4),
}
_WORDS: dict[str, Dimension] = {
    "l2sp": LogUniform(1e-5, 1e-1),
    "dropout": Uniform(0.0, 0.5),
    "word_dropout": Uniform(0.0, 0.2),
    "learning_rate": LogUniform(2e-5, 5e-4),
}


def default_space(task: str) -> dict[str, Dimension]:
    """What is worth trying first for a task.

    Example:
        >>> sorted(default_space("tag"))
        ['dropout', 'l2sp', 'learning_rate', 'word_dropout']
    """
    return dict(_WORDS if task == "tag" else _TEXTS)


def read_space(space: Any, recipe: Recipe) -> dict[str, Dimension]:
    """A checked search space, from a mapping or a JSON file of one.

    Args:
        space: {name: range}, the names those of recipe fields and short names
            (``"l2"``, ``"objective.rdrop"``), the ranges `Dimension` or their text; or
            the path of a JSON file of such.
        recipe: what all trials share.

    Raises:
        InputError: an unreadable file, an unknown name, or a range with a value that a
            recipe cannot have.

    Example:
        >>> read_space({"l2": "log:1e-6:0.1"}, Recipe())
        {'l2': LogUniform(low=1e-06, high=0.1)}
    """
    if isinstance(space, (str, PathLike)):
        space = _read_json(space)
    if not isinstance(space, Mapping) or not space:
        raise fail("space", "a mapping from names to ranges", space)
    found = {}
    for name, given in space.items():
        if name not in SHORT_NAMES and name not in _PLAIN:
            known = ", ".join((*SHORT_NAMES, *_PLAIN))
            raise InputError(f"`space`: {name!r} cannot be searched; known: {known}")
        try:
            found[name] = read_dimension(given) if isinstance(given, str) else given
            if not isinstance(found[name], Dimension):
                raise InputError(f"expected a range; got {given!r}")
            for value in found[name].ends:
                recipe_of({name: value}, recipe)
        except InputError as error:
            raise InputError(f"`space[{name!r}]`: {error}") from error
    return found


def recipe_of(values: Mapping[str, Any], recipe: Recipe) -> Recipe:
    """The recipe of a trial: that of all, with the trial's values put over it.

    Raises:
        InputError: values that do not go together.

    Example:
        >>> recipe_of({"l2": 0.1, "dropout": 0.3}, Recipe()).dropout
        0.3
    """
    fields = recipe.to_json()
    given = {k: None if v == "none" else v for k, v in values.items()}
    return Recipe.from_options({**fields, **given})


def without_strengths(space: Mapping[str, Any]) -> dict[str, float]:
    """The λ = 0 of a space: all its penalties and objectives off.

    Example:
        >>> without_strengths({"l2": None, "dropout": None})
        {'l2': 0.0}
    """
    return {name: 0.0 for name in space if name in SHORT_NAMES}


def _read_json(path: str | PathLike[str]) -> Any:
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: not a JSON file: {error}") from error
