"""The optimiser a recipe asks for, and what it needs of its model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras

from tfreg import _compat
from tfreg._checks import InputError
from tfreg.adapt.rate_decay import rate_multipliers
from tfreg.callbacks import AveragedWeights
from tfreg.optimizers import AdamW, WarmupDecay
from tfreg.optimizers.adamw import NO_DECAY
from tfreg.recipe import Recipe
from tfreg.regularizers.place import is_anchored
from tfreg.selection import kernels, select

_DONE_BY = {
    "weight_decay": "weight_decay",
    "global_clipnorm": "global_clipnorm",
    "layer_decay": "multipliers",
    "anchor_decay": "anchor_decay",
    "child_tuning": "child_tuning",
    "ema": "averages",
    "swa": "averages",
}
"""Fields of a recipe, and the attribute of an optimiser that does what they say."""

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
        InputError: anchors that the model does not hold, or are out of the
            optimiser's reach; weights for `ChildTuning` that do not train, or whose
            information nobody estimates; Keras's moving average.
    """
    optimizer = _compat.inner_optimizer(model.optimizer)
    how = f"`build_{model.builder}(preset, ...,"
    tuning = getattr(optimizer, "child_tuning", None)
    if tuning is not None:
        found = tuning.of_those_that_train(model.trainable_variables)
        encoder = {weight.path for weight in model.backbone.weights}
        beyond = [weight.path for weight in found if weight.path not in encoder]
        if tuning.fisher and beyond:
            raise InputError(
                "`child_tuning`: with `fisher=True` the task chooses among the weights "
                f"of the encoder; `paths` take in {beyond[0]!r}"
            )
    _check_patterns(model, "multipliers", getattr(optimizer, "multipliers", ()))
    _check_patterns(model, "no_decay", getattr(optimizer, "no_decay", ()))
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


def _check_patterns(model: Any, argument: str, patterns: Iterable[str]) -> None:
    """Refuse path patterns that match none of a model's weights, frozen or not.

    Raises:
        InputError: naming the first.
    """
    for pattern in patterns:
        if pattern not in NO_DECAY and not select(model.weights, pattern):
            raise InputError(
                f"`compile(optimizer=...)`: no weight matches {pattern!r} of its "
                f"`{argument}`; see `[w.path for w in model.weights]`"
            )


def check_fit_optimizer(model: Any, callbacks: list[Any]) -> None:
    """Refuse a fit whose optimiser would ignore what a recipe or a callback says.

    Raises:
        InputError: fields that an optimiser of the user's own does not do; a callback
            that sets a learning rate which follows a schedule.
    """
    recipe, optimizer = model.recipe, _compat.inner_optimizer(model.optimizer)
    for field, attribute in _DONE_BY.items():
        asked = getattr(recipe, field)
        if asked == Recipe.__dataclass_fields__[field].default:
            continue
        own = getattr(model.default_optimizer(), attribute)
        if own and not getattr(optimizer, attribute, None):
            raise InputError(
                f"`fit`: the recipe has `{field}`={asked!r}, which the "
                f"{type(optimizer).__name__} of `compile` does not do; compile with a "
                f"tfreg.optimizers.AdamW that has `{attribute}`, or build without it"
            )
    schedule = _compat.schedule(model.optimizer)
    if not isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        return
    for callback in callbacks:
        if isinstance(callback, _SET_THE_RATE):
            raise InputError(
                f"`callbacks`: {type(callback).__name__} sets the learning rate, which "
                f"follows a {type(schedule).__name__}; build the model with "
                "`schedule='constant'` and `warmup=0`, or compile an optimizer with a "
                "number"
            )


def averaging(model: Any, steps: int, step: int) -> list[AveragedWeights]:
    """The callback for the means that a model's optimiser keeps, if it keeps any."""
    averages = getattr(_compat.inner_optimizer(model.optimizer), "averages", None)
    return [AveragedWeights(steps, step)] if averages else []
