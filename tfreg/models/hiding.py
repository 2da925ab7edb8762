"""Word dropout in front of a task model's backbone."""

from __future__ import annotations

from typing import Any

from tfreg._checks import InputError
from tfreg.layers import WordDropout
from tfreg.recipe import Recipe


def word_dropout(
    recipe: Recipe, preprocessor: Any, architecture: dict[str, Any]
) -> WordDropout | None:
    """The layer that a recipe asks for, or None.

    Which pieces are special is kept in ``architecture``, as ``"pieces"``: a tokenizer
    that is being loaded gets its vocabulary after the model has been built.

    Raises:
        InputError: a model that takes ids.
    """
    if not recipe.word_dropout:
        return None
    if "pieces" not in architecture:
        if preprocessor is None:
            raise InputError(
                "`word_dropout` needs a tokenizer, which says what [MASK], [CLS] and "
                "[SEP] are; this model takes ids"
            )
        pieces = preprocessor.pieces
        architecture["pieces"] = {"mask": pieces.hiding, "special": pieces.special}
    known = architecture["pieces"]
    return WordDropout(
        recipe.word_dropout,
        known["mask"],
        known["special"],
        seed=recipe.seed_of("word_dropout"),
        name="word_dropout",
    )
