"""Adapt, freeze, penalise, disturb: a backbone made ready for one model, in order."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tfreg._checks import InputError
from tfreg.adapt.adaptation import train_only
from tfreg.adapt.architecture import set_architecture
from tfreg.adapt.describe import describe
from tfreg.adapt.dropout import set_dropout
from tfreg.adapt.freeze import blocks, freeze, freeze_unread
from tfreg.adapt.lean import make_lean
from tfreg.adapt.noise import add_noise, check_targets
from tfreg.adapt.penalise import Anchors, Penalties, hold_kernels, penalise
from tfreg.adapt.reinitialize import reinitialize, top


def prepare(
    backbone: Any,
    recipe: Any,
    architecture: Mapping[str, Any],
    read: Callable[[Any], Any],
    anchors: Anchors,
    noise: Any = None,
) -> Penalties:
    """Make a backbone what a recipe says; from then on it belongs to one model.

    Penalties come late, because they count on trainable weights only; a second model
    on the same backbone would share its frozen parts and penalties.

    Args:
        backbone: a KerasHub backbone.
        recipe: a `Recipe`.
        architecture: what `describe` says, of the checkpoint.
        read: the part of the backbone's output that the head reads.
        anchors: the layer, owned by the model, that keeps anchor values.
        noise: of `kernel_noise`, the layer, owned by the model, that kernels go
            through in training; None for none.

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
    before, adapter = describe(backbone), recipe.adapter
    still: list[Any] = []
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
        if recipe.gradual_unfreezing:
            blocks(backbone, "gradual_unfreezing")  # or it says that they are shared
        renewed = top(backbone, recipe.reinitialize)
        if adapter is not None:
            with _drawn_apart():
                adapter.insert(backbone)
            still = train_only(backbone, adapter)
        freeze_unread(backbone, read(backbone.output))
        new = {weight.path for layer in renewed for weight in layer.weights}
        if adapter is not None:
            new |= {w.path for w in backbone.weights if adapter.is_new(w.path)}
        anchors.without_start = frozenset(new)
        check_targets(backbone, recipe, anchors)
        if recipe.anchor_decay:
            hold_kernels(backbone, anchors)
        penalties = penalise(backbone, recipe.backbone_regularizer, anchors)
        if adapter is not None:
            penalties.sets.update(adapter.penalties(backbone))
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
        if adapter is not None:
            adapter.remove(backbone)
        for variable in still:  # which a flag of its layer leaves as it is
            variable.trainable = True
        freeze(backbone, None)
        raise
    with _drawn_apart():
        reinitialize(renewed)
    make_lean(backbone)
    add_noise(backbone, recipe, noise, anchors)
    backbone.tfreg_claimed = True
    return penalties


@contextmanager
def _drawn_apart() -> Iterator[None]:
    """Draw seeds that the head would not have got.

    Keras draws them from Python's generator: what is put into the backbone leaves the
    head, and its dropout, as they are without it.
    """
    before = random.getstate()
    random.seed(random.random())
    try:
        yield
    finally:
        random.setstate(before)


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
