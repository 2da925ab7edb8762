"""The optimiser a recipe asks for, and what it needs of its model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from tfreg import _compat
from tfreg._checks import InputError
from tfreg.adapt.rate_decay import rate_multipliers
from tfreg.callbacks import AveragedWeights
from tfreg.optimizers import AdamW, WarmupDecay
from tfreg.optimizers.adamw import NO_DECAY
from tfreg.regularizers.place import is_anchored
from tfreg.selection import kernels

_DONE_BY_OPTIMIZER: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "layer_decay": (1, lambda optimizer: getattr(optimizer, "multipliers", None)),
    "anchor_decay": (0, lambda optimizer: getattr(optimizer, "anchor_decay", 0)),
    "child_tuning": (None, lambda optimizer: getattr(optimizer, "child_tuning", None)),
    "ema": (None, lambda optimizer: getattr(optimizer, "averages", None)),
    "swa": (None, lambda optimizer: getattr(optimizer, "averages", None)),
}
"""Fields of a recipe: where they are off, and whether an optimiser does them."""

_SET_THE_RATE = (
    keras.callbacks.LearningRateScheduler,
    keras.callbacks.ReduceLROnPlateau,
)


def recipe_optimizer(model: Any) -> AdamW:
    """The recipe's AdamW; anchored weights are not decayed to 0 (they are pulled).

    Raises:
        InputError: rates by depth, of a backbone that shares its blocks.
    """
    recipe = model.recipe
    rate: Any = recipe.learning_rate
    if recipe.warmup or recipe.schedule != "constant":  # else callbacks may set it
        rate = WarmupDecay(rate, recipe.warmup, recipe.schedule)
    anchored = [path for path, one in model.penalties.items() if is_anchored(one)]
    groups = model.block_patterns if recipe.gradual_unfreezing else []
    return AdamW(
        rate,
        weight_decay=recipe.weight_decay,
        no_decay=(*NO_DECAY, *anchored),
        global_clipnorm=recipe.global_clipnorm,
        multipliers={
            **{pattern: 1.0 for group in groups for pattern in group},
            **rate_multipliers(model.backbone, recipe.layer_decay),
        },
        child_tuning=_child_tuning(model),
        anchor_decay=recipe.anchor_decay,
        ema=recipe.ema,
        swa=recipe.swa,
    )


def _child_tuning(model: Any) -> Any:
    """The recipe's `ChildTuning`, on the encoder, or None."""
    if model.recipe.child_tuning is None:
        return None
    layers = [layer for layer in model.backbone.layers if layer.weights]
    paths = [f"{layer.name}/*" for layer in layers]
    return model.recipe.child_tuning.of(paths, model.recipe.seed)


def check_optimizer(model: Any) -> None:
    """Give a compiled model's optimiser its anchors; refuse what would not act.

    Raises:
        InputError: what the recipe says and the optimiser does not do; anchors that
            the model does not hold, or are out of the optimiser's reach; weights for
            `ChildTuning` that do not train; Keras's moving average.
    """
    optimizer = _compat.inner_optimizer(model.optimizer)
    how = f"`build_{model.builder}(preset, ...,"
    for name, (off, acts) in _DONE_BY_OPTIMIZER.items():
        asked = getattr(model.recipe, name)
        if asked != off and optimizer is not None and not acts(optimizer):
            raise InputError(
                f"`compile(optimizer=...)`: the recipe has `{name}`={asked!r}, which "
                f"this {type(optimizer).__name__} does not do; give it the same "
                "argument (of tfreg.optimizers.AdamW), or leave one of the two out"
            )
    tuning = getattr(optimizer, "child_tuning", None)
    if tuning is not None:
        tuning.of_those_that_train(model.trainable_variables)
    if getattr(optimizer, "use_ema", False):
        raise InputError(
            "`compile(optimizer=...)`: with Keras's `use_ema` dev scores and the best "
            f"epoch are those of the raw weights; write {how} ema=...)`"
        )
    if not getattr(optimizer, "anchor_decay", 0):
        return
    if not _compat.on_tensorflow():
        raise InputError("`anchor_decay` needs Keras's TensorFlow backend")
    found = kernels(model.backbone.trainable_variables)
    held = {v.path: model.anchors[v.path] for v in found if v.path in model.anchors}
    if not model.recipe.anchor_decay or not held:
        raise InputError(
            "`compile(optimizer=...)`: the model holds no anchors for `anchor_decay`; "
            f"write {how} anchor_decay=...)`"
        )
    optimizer.anchor_at(held)


def check_rate_callbacks(model: Any, callbacks: list[Any]) -> None:
    """Refuse callbacks that set a learning rate which follows a schedule.

    Raises:
        InputError: naming what to write instead.
    """
    schedule = _compat.schedule(model.optimizer)
    if not isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        return
    for callback in callbacks:
        if isinstance(callback, _SET_THE_RATE):
            raise InputError(
                f"`callbacks`: {type(callback).__name__} sets the learning rate, which "
                f"follows the {type(schedule).__name__} of the optimizer; build the "
                "model with `schedule='constant'` and `warmup=0`"
            )


def averaging(model: Any, steps: int, step: int) -> list[AveragedWeights]:
    """The callback for the means that a model's optimiser keeps, if it keeps any."""
    averages = getattr(_compat.inner_optimizer(model.optimizer), "averages", None)
    return [AveragedWeights(steps, step)] if averages else []
