"""What a fit adds: the best epoch's weights, and a schedule that knows its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from tfreg import _compat
from tfreg._checks import InputError
from tfreg.callbacks import ExactCheckpoint, GradualUnfreezing
from tfreg.data.fingerprint import fingerprint
from tfreg.models.feeding import Feed
from tfreg.optimizers import AdamW, ProximalSteps, WarmupDecay
from tfreg.optimizers.proximal import proximal_strength
from tfreg.recipe import Recipe

_NOT_IN_FIT = {
    "shuffle": "texts and ids are shuffled by (seed, epoch), a data set comes as it is",
    "validation_split": "give `validation_data`",
    "validation_batch_size": "dev data is taken in batches of `batch_size`",
}


def check_fit(model: Any, kwargs: dict[str, Any]) -> None:
    """Refuse arguments of Keras's `fit`, and smoothing, that would be ignored."""
    for name, instead in _NOT_IN_FIT.items():
        if name in kwargs:
            raise InputError(f"`{name}` is not taken by `fit`: {instead}")
    smoothing, losses = model.recipe.label_smoothing, keras.tree.flatten(model.loss)
    if smoothing and not any(getattr(one, "label_smoothing", 0) for one in losses):
        own = getattr(model.loss, "name", model.loss)
        raise InputError(
            f"`fit`: the recipe has `label_smoothing`={smoothing!r}, which the {own!r} "
            "of `compile` does not do; compile with a loss that has `label_smoothing`, "
            "or build without it"
        )


def check_steps(model: Any, **given: int | None) -> None:
    """Refuse numbers of steps that Keras would round up to whole executions."""
    size = model.steps_per_execution
    for name, steps in given.items():
        if steps is not None and steps % size:
            raise InputError(
                f"`{name}` must be a multiple of steps_per_execution, {size}; "
                f"got {steps}"
            )


def check_compile(kwargs: dict[str, Any], builder: str) -> None:
    """Refuse what belongs to weights and layers, and would do nothing here."""
    fields = set(Recipe.__dataclass_fields__) - {"steps_per_execution"}  # is Keras's
    for name in kwargs:
        if "regularizer" in name or name in fields:
            raise InputError(
                f"`compile({name}=...)` would do nothing: it belongs to the weights or "
                "layers, which are built already; write "
                f"`build_{builder}(preset, ..., {name}=...)`"
            )


def give_proximal_sets(model: Any) -> None:
    """Let the optimiser take the proximal steps that the model's penalties need.

    Raises:
        InputError: it takes none, and the penalties would do nothing.
    """
    optimizer = _compat.inner_optimizer(model.optimizer)
    sets = [bound for bound in model.set_penalties.values() if bound.shrink]
    single = [v for v in model.trainable_variables if proximal_strength(v.regularizer)]
    if (sets or single) and getattr(optimizer, "averages", None):
        raise InputError(
            "`ema` and `swa` do not go with a proximal penalty: a mean of weights has "
            "none of its exact zeros"
        )
    if (sets or single) and getattr(optimizer, "child_tuning", None):
        raise InputError(
            "`child_tuning` does not go with a proximal penalty, whose steps are on "
            "all of its weights"
        )
    if (sets or single) and getattr(optimizer, "amsgrad", False):
        raise InputError(
            "`compile(optimizer=...)`: a proximal step goes by Adam's own metric, "
            "which `amsgrad` replaces; leave it out"
        )
    adapter = model.recipe.adapter
    for variable in single if adapter and isinstance(optimizer, AdamW) else ():
        if adapter.starts_still(variable.path):
            raise InputError(
                f"`backbone_regularizer`: under Adam a proximal penalty makes "
                f"{variable.path!r} 0 in the first step, where it has no gradient, and "
                f"{type(adapter).__name__} useless; take L1"
            )
    if isinstance(optimizer, ProximalSteps):
        optimizer.proximal_sets = sets
    elif (sets or single) and optimizer is not None:
        raise InputError(
            "`compile(optimizer=...)`: a proximal penalty acts by a step of the "
            "optimiser; take one of tfreg.optimizers (AdamW, SGD); got "
            f"{type(optimizer).__name__}"
        )


def early_stopping(model: Any, callbacks: list[Any], epochs: int) -> list[Any]:
    """Keras's callback that restores the best epoch, unless the user brings one.

    The epoch is chosen by a dev score without penalties. Without ``patience`` it
    never stops early; with it, not for what the warm-up's epochs did not bring.

    Raises:
        InputError: there is ``patience``, and no such score among the metrics.
    """
    if any(isinstance(c, keras.callbacks.EarlyStopping) for c in callbacks):
        return []
    score, mode = model.monitor
    if score not in model.score_names:  # compiled with metrics of the user's own
        if model.recipe.patience:
            raise InputError(
                f"`fit`: the recipe's `patience` goes by {score!r}, which is not among "
                "the metrics of `compile`; give it there, an EarlyStopping in "
                "`callbacks`, or build without `patience`"
            )
        return []
    stopping = _Stopping(
        warm=int(model.recipe.warmup * epochs),
        monitor=f"val_{score}",
        mode=mode,
        patience=model.recipe.patience or epochs,
    )
    return [stopping]


class _Stopping(keras.callbacks.EarlyStopping):
    """Keras's, which waits for nothing in the first ``warm`` epochs.

    While the learning rate rises a span F1 may stay at 0 for several epochs. Keras's
    ``start_from_epoch`` would not look at these epochs: the best may be among them.

    It puts the best epoch's weights back itself: Keras copies all of them, frozen ones
    too, at every better epoch, which takes longer than a head takes to train.
    """

    def __init__(self, warm: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.warm = warm

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch < self.warm:
            self.wait = -1  # this epoch makes it 0
        super().on_epoch_end(epoch, logs)
        if self.best is not None and self.best_epoch == epoch:
            self.best_weights = [_compat.held_value(w) for w in self.model.weights]

    def on_train_end(self, logs: Any = None) -> None:
        super().on_train_end(logs)
        for weight, value in zip(self.model.weights, self.best_weights or ()):
            weight.assign(value)


def begin_schedule(model: Any, steps: int, epochs: int, done: int) -> None:
    """Tell the schedule how many steps this fit has, and where it began.

    A fit of which some steps are done is the end of one that began before.
    """
    schedule = _compat.schedule(model.optimizer)
    if isinstance(schedule, WarmupDecay):
        taken = _compat.iterations(model.optimizer)
        schedule.begin(max(taken - done, 0), epochs * steps)
        _compat.forget_trace(model)


def resumed(
    model: Any,
    callbacks: list[Any],
    data: dict[str, Feed | None],
    steps: int,
    epochs: int,
    initial_epoch: int,
) -> tuple[int, int]:
    """The epoch and step to begin with, after taking up a checkpoint of a stopped fit.

    Checkpoints go to the end of the callbacks: they hold what the others know.

    Raises:
        InputError: several of them; or one that cannot be exact.
    """
    callbacks.sort(key=lambda callback: isinstance(callback, ExactCheckpoint))
    found = [one for one in callbacks if isinstance(one, ExactCheckpoint)]
    if not found:
        return initial_epoch, 0
    if len(found) > 1:
        raise InputError("`callbacks`: one ExactCheckpoint at most; got several")
    train = data["train"]
    if train is not None and train.ordered is not None and steps != train.steps():
        raise InputError(
            "`ExactCheckpoint`: with `steps_per_epoch` an epoch begins where the last "
            f"one ended in the data, which is not known; leave it out (it is {steps}, "
            f"the data has {train.steps()})"
        )
    if found[0].every is not None:
        if train is None or train.batches is None:
            raise InputError(
                "`ExactCheckpoint(every=...)`: the position in ids or a "
                "tf.data.Dataset is not known; give texts, or leave `every` out"
            )
        if not _compat.on_tensorflow():
            raise InputError(
                "`ExactCheckpoint(every=...)` needs Keras's TensorFlow backend"
            )
    of = {
        "recipe": model.recipe.to_json(),
        "epochs": None if epochs == model.recipe.epochs else epochs,
        "steps": steps,
        "weights": fingerprint((weight.path, weight.value) for weight in model.weights),
        "data": {
            name: fingerprint(each.batches.encoded.arrays())
            for name, each in data.items()
            if each is not None and each.batches is not None
        },
    }
    epoch, step = found[0].begin(model, callbacks, of, steps, epochs)
    if epoch < initial_epoch:
        if (epoch, step) != (0, 0):
            raise InputError(
                f"`initial_epoch`={initial_epoch}: the checkpoint in "
                f"{found[0].folder} is of epoch {epoch}; leave it out, and the fit "
                "goes on from there"
            )
        return initial_epoch, 0
    if train is not None and train.batches is not None:
        train.batches.begin = (epoch, step)
        if step:  # of which the metrics have something to remember
            _compat.build_metrics(model, train.batches.collate(np.arange(1)))
    return epoch, step


def unfreezing(model: Any, callbacks: list[Any]) -> list[Any]:
    """The callback that the recipe's ``gradual_unfreezing`` stands for, ready to go.

    The user's own one is made ready too, and there is then no other.
    """
    found = [c for c in callbacks if isinstance(c, GradualUnfreezing)]
    blocks = model.recipe.gradual_unfreezing
    made = [GradualUnfreezing(blocks)] if blocks and not found else []
    for callback in found + made:
        callback.begin(model)
    return made


@contextmanager
def set_back(model: Any, callbacks: list[Any]) -> Iterator[None]:
    """Leave no scheduled strength, or rate of 0, behind a fit that is broken off.

    Keras tells callbacks of a fit's end only where there is one.
    """
    try:
        yield
    except BaseException:
        model.strengths.end_shares()
        for callback in callbacks:
            if isinstance(callback, GradualUnfreezing):
                callback.on_train_end()
        raise
