"""What a task model is given must agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfreg._checks import InputError
from tfreg.data.preprocessing import TextPreprocessor
from tfreg.recipe import Recipe


def as_recipe(recipe: Recipe | Mapping[str, Any] | None) -> Recipe:
    """A recipe, from what a constructor or a saved config gives."""
    if not isinstance(recipe, Recipe):
        recipe = Recipe() if recipe is None else Recipe.from_json(recipe)
    if recipe.precision == "auto":
        raise InputError("`precision` 'auto' is for the builders, which pick one")
    return recipe


def check_agreement(
    preprocessor: TextPreprocessor | None,
    task: str,
    labels: tuple[str, ...],
    recipe: Recipe,
) -> None:
    """What turns names into ids must be what turns ids into names."""
    for name, own in (
        ("task", task),
        ("labels", labels),
        ("sequence_length", recipe.sequence_length),
    ):
        theirs = getattr(preprocessor, name, own)
        if theirs != own:
            raise InputError(
                f"`preprocessor.{name}` must be the model's, {own!r}; got {theirs!r}"
            )
