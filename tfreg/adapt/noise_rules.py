"""Which noise a recipe may ask for."""

from __future__ import annotations

from typing import Any

from tfreg._checks import InputError

_ON_WEIGHTS = ("mixout", "dropconnect", "noisy_tune")
_ON_TEXT = ("word_dropout", "embedding_noise")


def check_noise(recipe: Any) -> None:
    """Refuse noise that would do nothing, or that cannot be combined.

    Raises:
        InputError: naming the field.
    """
    if recipe.mixout and recipe.dropconnect:
        raise InputError(
            "`mixout` and `dropconnect` are two kinds of noise on the same kernels; "
            "set one of them to 0"
        )
    if recipe.multi_sample_dropout > 1 and not recipe.dropout:
        raise InputError(
            f"`multi_sample_dropout` of {recipe.multi_sample_dropout} needs a "
            "`dropout` above 0: without masks all samples are the same"
        )
    for name in _ON_WEIGHTS:
        if getattr(recipe, name) and recipe.freeze == "backbone":
            raise InputError(
                f"`{name}` has nothing to act on with `freeze='backbone'`: frozen "
                "weights are left as they are"
            )
    for name in _ON_TEXT:
        if getattr(recipe, name) and recipe.freeze not in (None, "embeddings"):
            raise InputError(
                f"`{name}` acts below the frozen blocks (`freeze={recipe.freeze!r}`), "
                "whose features must be the same in every pass; set one of the two off"
            )
