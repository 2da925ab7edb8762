"""Which settings of a recipe go together."""

from __future__ import annotations

from typing import Any

from tfreg._checks import InputError

# What cannot act on a frozen backbone: its value where it is off, and why.
_ON_BACKBONE = {
    "backbone_regularizer": (None, "are not penalised and run without dropout"),
    "backbone_dropout": (None, "are not penalised and run without dropout"),
    "attention_dropout": (None, "are not penalised and run without dropout"),
    "reinitialize": (0, "stay as they are"),
    "gradual_unfreezing": (0, "stay as they are"),
    "child_tuning": (None, "stay as they are"),
    "mixout": (0, "stay as they are"),
    "dropconnect": (0, "stay as they are"),
    "weight_noise": (0, "stay as they are"),
    "noisy_tune": (0, "stay as they are"),
    "layer_decay": (1, "do not move"),
    "anchor_decay": (0, "do not move"),
}
_ON_TEXT = ("word_dropout", "embedding_noise")
_ON_KERNELS = ("mixout", "dropconnect", "weight_noise")


def check_combination(recipe: Any) -> None:
    """Refuse settings that take each other's meaning away.

    Raises:
        InputError: naming the fields.
    """
    _check_freeze(recipe)
    noise = [name for name in _ON_KERNELS if getattr(recipe, name)]
    if len(noise) > 1:
        raise InputError(
            f"`{noise[0]}` and `{noise[1]}` are two kinds of noise on the same "
            "kernels; set one of them to 0"
        )
    if recipe.multi_sample_dropout > 1 and not recipe.dropout:
        raise InputError(
            f"`multi_sample_dropout` of {recipe.multi_sample_dropout} needs a "
            "`dropout` above 0: without masks all samples are the same"
        )
    if recipe.ema is not None and recipe.swa is not None:
        raise InputError(
            "`ema` and `swa` cannot be combined: both are means of the weights"
        )
    if recipe.adapter is not None:
        recipe.adapter.check(recipe)
    if recipe.objective is not None:
        from tfreg.objectives.compose import check_together  # objectives need Keras

        check_together(recipe.objective, recipe)


def _check_freeze(recipe: Any) -> None:
    if recipe.freeze == "backbone":
        for name, (off, why) in _ON_BACKBONE.items():
            if getattr(recipe, name) != off:
                raise InputError(
                    f"`{name}` has nothing to act on with `freeze='backbone'`: frozen "
                    f"weights {why}"
                )
    if recipe.freeze not in (None, "embeddings"):
        for name in _ON_TEXT:
            if getattr(recipe, name):
                raise InputError(
                    f"`{name}` acts below the frozen blocks "
                    f"(`freeze={recipe.freeze!r}`), whose features must be the same in "
                    "every pass; set one of the two off"
                )
