"""What `fit` keeps to itself."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfreg._compat.backends import as_numpy, global_sum, replicas
from tfreg._compat.workers import scope_of


def data_loss(model: Any, y: Any, y_pred: Any, sample_weight: Any) -> Any:
    """The compiled loss alone, without penalties or other added losses."""
    if model._compile_loss is None:
        return ops.zeros(())
    return model._compile_loss(y, y_pred, sample_weight)


def penalties(model: Any) -> Any:
    """All that a model adds to its data loss, as one replica's share of it."""
    losses = [model._aggregate_additional_loss(loss) for loss in model.losses]
    return sum(losses, ops.zeros(()))


class _OverReplicas(keras.metrics.Mean):
    """The mean of a loss whose replicas each have a share of the whole batch's."""

    def update_state(self, values: Any, sample_weight: Any = None) -> Any:
        if sample_weight is not None and replicas() > 1:
            rows = ops.cast(sample_weight, self.dtype)
            sample_weight = global_sum([rows])[0] / replicas()
        return super().update_state(values, sample_weight)


def track_shares(model: Any) -> None:
    """Have `fit` and `evaluate` show the loss of the whole batch.

    Keras weighs what replicas have by their own rows; shares of the whole batch's loss
    are to be added up, however many rows each has. (Another class, for another metric
    would leave the first one among those of the model.)
    """
    model._loss_tracker.__class__ = _OverReplicas


def track_loss(model: Any, loss: Any, rows: Any) -> None:
    """Count a training step's loss into what `fit` shows."""
    model._loss_tracker.update_state(loss * replicas(), sample_weight=rows)


def inner_optimizer(optimizer: Any) -> Any:
    """The optimiser itself, or the one inside a loss-scaling one."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def build_optimizer(model: Any) -> None:
    """Make the variables of a model's optimiser now, not while a step is traced."""
    if model.optimizer.built:
        return
    with scope_of(model):
        model.optimizer.build(model.trainable_variables)


def build_metrics(model: Any, batch: Any) -> None:
    """Make the variables of a model's metrics now, not while a step is traced.

    Args:
        model: a compiled one.
        batch: inputs and targets as a step takes them.
    """
    model._symbolic_build(data_batch=batch)


def schedule(optimizer: Any) -> Any:
    """The learning-rate schedule of an optimiser, also inside a loss-scaling one."""
    return getattr(inner_optimizer(optimizer), "_learning_rate", None)


def iterations(optimizer: Any) -> int:
    """Steps an optimiser has done; `int()` fails on a mirrored variable."""
    return int(as_numpy(optimizer.iterations))


def keras_variable(optimizer: Any, variable: Any) -> Any:
    """The Keras variable of what an optimiser updates, which may be TensorFlow's."""
    index = optimizer._get_variable_index(variable)
    return optimizer._trainable_variables[index]


def first_moment(optimizer: Any, variable: Any) -> Any:
    """Adam's running mean of gradients of a variable, not corrected."""
    return optimizer._momentums[optimizer._get_variable_index(variable)]


def second_moment(optimizer: Any, variable: Any) -> Any:
    """Adam's running mean of squared gradients of a variable, not corrected."""
    return optimizer._velocities[optimizer._get_variable_index(variable)]
