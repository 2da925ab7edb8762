"""Adapt, freeze, penalise: a backbone made ready for one model, in this order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tfreg._checks import InputError
from tfreg.adapt.architecture import set_architecture
from tfreg.adapt.describe import describe
from tfreg.adapt.dropout import set_dropout
from tfreg.adapt.freeze import freeze, freeze_unread
from tfreg.adapt.lean import make_lean
from tfreg.adapt.penalise import Anchors, hold_kernels, penalise


def prepare(
    backbone: Any,
    recipe: Any,
    architecture: Mapping[str, Any],
    read: Callable[[Any], Any],
    anchors: Anchors,
) -> dict[str, Any]:
    """Make a backbone what a recipe says; from then on it belongs to one model.

    Penalties come last, because they count on trainable weights only; a second model
    on the same backbone would share its frozen parts and penalties.

    Args:
        backbone: a KerasHub backbone.
        recipe: a `Recipe`.
        architecture: what `describe` says, of the checkpoint.
        read: the part of the backbone's output that the head reads.
        anchors: the layer, owned by the model, that keeps anchor values.

    Returns:
        {path: regulariser as attached}.

    Raises:
        InputError: the recipe does not fit the backbone, which is then as it was; or
            another model has it.
    """
    if getattr(backbone, "tfreg_claimed", False):
        raise InputError(
            "this backbone already belongs to a tfreg model, which has set its "
            "dropout, frozen parts and penalties; load it anew for another model"
        )
    if recipe.freeze != "backbone" and not all(x.trainable for x in backbone.layers):
        raise InputError(
            "this backbone has layers frozen by hand; say what is frozen by `freeze=`, "
            "which the model keeps"
        )
    before = describe(backbone)
    try:
        set_architecture(
            backbone,
            activation=architecture["activation"],
            layer_norm_epsilon=architecture["layer_norm_epsilon"],
        )
        set_dropout(
            backbone,
            hidden=_first(recipe.backbone_dropout, architecture["hidden_dropout"]),
            attention=_first(
                recipe.attention_dropout, architecture["attention_dropout"]
            ),
        )
        freeze(backbone, recipe.freeze)
        freeze_unread(backbone, read(backbone.output))
        if recipe.anchor_decay:
            hold_kernels(backbone, anchors)
        penalties = penalise(backbone, recipe.backbone_regularizer, anchors)
    except InputError:
        set_architecture(
            backbone,
            activation=before["activation"],
            layer_norm_epsilon=before["layer_norm_epsilon"],
        )
        set_dropout(
            backbone,
            hidden=before["hidden_dropout"],
            attention=before["attention_dropout"],
        )
        freeze(backbone, None)
        raise
    make_lean(backbone)
    backbone.tfreg_claimed = True
    return penalties


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
