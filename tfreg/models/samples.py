"""Several sets of logits for one batch, as `MultiSampleDropout` makes them."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def are_samples(model: Any, y_pred: Any) -> bool:
    """Whether logits have the axis of samples, their first, which only training has."""
    return len(y_pred.shape) > len(model.outputs[0].shape)


def as_rows(
    model: Any, y: Any, y_pred: Any, sample_weight: Any
) -> tuple[Any, Any, Any]:
    """M sets of logits as M times the rows, each with its target and weight.

    The mean of a loss over these rows is the mean of the M sets' losses.

    Returns:
        y, y_pred and sample_weight; as they came where there is one set.
    """
    if not are_samples(model, y_pred):
        return y, y_pred, sample_weight
    samples = y_pred.shape[0]
    y, sample_weight = keras.tree.map_structure(
        lambda values: None if values is None else ops.concatenate([values] * samples),
        (y, sample_weight),
    )
    return y, ops.reshape(y_pred, (-1, *ops.shape(y_pred)[2:])), sample_weight


def averaged(model: Any, y_pred: Any) -> Any:
    """The mean of the sets of logits, for scores."""
    return ops.mean(y_pred, axis=0) if are_samples(model, y_pred) else y_pred
