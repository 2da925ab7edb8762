"""What every metric does first: flat rows of truth, logits and weight."""

from __future__ import annotations

from typing import Any

from keras import ops


def is_multi_label(y_true: Any, y_pred: Any) -> bool:
    """Whether `y_true` holds one 0/1 a class, not one id a row.

    Ids have one axis fewer than logits, or a last axis of size 1.
    """
    same_rank = len(y_true.shape) == len(y_pred.shape)
    return same_rank and (y_true.shape[-1] != 1 or y_pred.shape[-1] == 1)


def flatten(
    y_true: Any, y_pred: Any, sample_weight: Any = None, *, multi_label: bool
) -> tuple[Any, Any, Any]:
    """Truth, float32 logits (rows, classes) and float32 weight (rows,).

    Truth is int32 (rows,), or float32 (rows, classes) if `multi_label`. The weight is 0
    where the truth is below 0, which marks padding; the truth there becomes 0.
    """
    classes = y_pred.shape[-1]
    logits = _with_axes(ops.cast(y_pred, "float32"), classes)
    if multi_label:
        truth = ops.cast(y_true, "float32")
        real, flat = ops.all(truth >= 0, axis=-1), _with_axes(truth, classes)
    else:
        truth = ops.cast(y_true, "int32")
        real, flat = truth >= 0, _with_axes(truth)
    if sample_weight is None:
        weight = ops.cast(real, "float32")
    else:
        weight = ops.where(real, row_weight(sample_weight, real), 0.0)
    return ops.maximum(flat, 0), logits, _with_axes(weight)


def _with_axes(x: Any, *last: int) -> Any:
    """Rows of the given axes. In each step of a small head operations add up."""
    return x if len(x.shape) == 1 + len(last) else ops.reshape(x, (-1, *last))


def row_weight(sample_weight: Any, like: Any) -> Any:
    """The weight as float32 in the shape of `like`; one a row covers all its words."""
    ones = ops.ones_like(like, "float32")
    if sample_weight is None:
        return ones
    weight = ops.cast(sample_weight, "float32")
    if len(weight.shape) > len(like.shape):
        weight = ops.squeeze(weight, -1)
    while len(weight.shape) < len(like.shape):
        weight = ops.expand_dims(weight, -1)
    return weight * ones


def weighted_sum(values: Any, weight: Any) -> Any:
    """The sum over rows that count; whatever stands in the others, NaN too, is 0.

    Rows are the last axis of `values`, which may hold several such sums.
    """
    return ops.sum(ops.where(weight > 0, values * weight, 0.0), axis=-1)
