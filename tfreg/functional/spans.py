"""Counting the spans of IOB tag sequences, a whole batch at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from tfreg import _compat
from tfreg._checks import fail

_TAG = re.compile(r"O|[BI](-.+)?", re.DOTALL)
_FAR = 2**30


def is_iob(labels: Sequence[str]) -> bool:
    """Whether every label is ``O``, ``B-type`` or ``I-type``, and not all are ``O``.

    Bare ``B`` and ``I`` are spans of one nameless type.

    Example:
        >>> is_iob(["O", "B-PER", "I-PER"]), is_iob(["NOUN", "VERB"])
        (True, False)
    """
    return all(map(_TAG.fullmatch, labels)) and any(label != "O" for label in labels)


def tag_codes(labels: Sequence[str]) -> np.ndarray:
    """One int32 code a label: 0 for ``O``, 2k+1 for ``B-`` and 2k+2 for ``I-`` type k.

    Args:
        labels: Tag names in id order; the type is all that follows the first ``-``.

    Raises:
        InputError: If the labels are not IOB tags (see `is_iob`).

    Example:
        >>> tag_codes(["O", "B-LOC", "I-LOC", "I-PER.NAM"]).tolist()
        [0, 1, 2, 4]
    """
    if not is_iob(labels):
        raise fail("labels", "IOB tags (O, B-type, I-type)", list(labels))
    types = sorted({label[2:] for label in labels if label != "O"})
    codes = [
        0 if label == "O" else 2 * types.index(label[2:]) + "BI".index(label[0]) + 1
        for label in labels
    ]
    return np.array(codes, "int32")


def span_counts(
    y_true: Any,
    y_pred: Any,
    labels: Sequence[str],
    *,
    lenient: bool = False,
    weight: Any = None,
) -> tuple[Any, Any, Any]:
    """How many spans match, are predicted, and are true: three float32 scalars.

    A span is ``I-`` tags that follow a tag of their own type. Strict (IOB2): it starts
    at ``B-`` only, a stray ``I-`` belongs to no span. Lenient (the rule of the CoNLL
    script conlleval): an ``I-`` that follows no tag of its type starts one too.
    Two spans match if first word, last word and type are equal.

    Args:
        y_true: Integers of shape (batch, length), ids of `labels`. Positions below 0
            are no words: they are taken out, and the words left and right of them are
            neighbours.
        y_pred: Integers like `y_true`, the predicted ids.
        labels: Tag names in id order.
        lenient: Which of the two rules.
        weight: Floats of shape (batch, length), default 1. A span weighs what its
            first word weighs.

    Raises:
        InputError: If the labels are not IOB tags.

    Example:
        >>> tags = ["O", "B-PER", "I-PER"]
        >>> [float(n) for n in span_counts([[1, 2, 0, 2]], [[1, 2, 0, 0]], tags)]
        [1.0, 1.0, 1.0]
    """
    codes = ops.convert_to_tensor(tag_codes(labels))
    y_true, y_pred = (ops.cast(y, "int32") for y in (y_true, y_pred))
    if weight is None:
        weight = ops.ones_like(y_true, "float32")
    weight = ops.cast(weight, "float32")
    return _counts(codes, y_true, y_pred, weight, lenient)


@_compat.traced
def _counts(
    codes: Any, y_true: Any, y_pred: Any, weight: Any, lenient: bool
) -> tuple[Any, Any, Any]:
    """The counts of ids, traced once and not by every step that counts."""
    real = y_true >= 0

    def read(ids):
        return ops.where(real, ops.take(codes, ops.maximum(ids, 0)), 0)

    true, pred, weight = move_left(real, read(y_true), read(y_pred), weight)
    # One more O ends the spans that reach the end of their row.
    true, pred, weight = (ops.pad(x, [[0, 0], [0, 1]]) for x in (true, pred, weight))
    true_goes_on, pred_goes_on = _goes_on(true), _goes_on(pred)
    true_starts = _starts(true, true_goes_on, lenient)
    pred_starts = _starts(pred, pred_goes_on, lenient)
    same_type = (true + 1) // 2 == (pred + 1) // 2
    agree = ops.logical_and(ops.logical_and(true_starts, pred_starts), same_type)
    # From a start they agree on, truth and prediction run together up to the next
    # place where either breaks off; the spans match if both break off there. Such
    # places are brought side by side, so that "the next" is one column to the right.
    either_breaks = ops.logical_not(ops.logical_and(true_goes_on, pred_goes_on))
    both_break = ops.logical_not(ops.logical_or(true_goes_on, pred_goes_on))
    agree, both_break, first = move_left(either_breaks, agree, both_break, weight)
    match = ops.logical_and(agree[:, :-1], both_break[:, 1:])
    return (
        ops.sum(ops.where(match, first[:, :-1], 0.0)),
        ops.sum(ops.where(pred_starts, weight, 0.0)),
        ops.sum(ops.where(true_starts, weight, 0.0)),
    )


def _goes_on(codes):
    """Whether a position is ``I-`` after a position of its own type."""
    before = ops.pad(codes, [[0, 0], [1, 0]])[:, :-1]
    own_type = ops.logical_or(before == codes, before == codes - 1)
    inside = ops.logical_and(codes > 0, codes % 2 == 0)
    return ops.logical_and(inside, own_type)


def _starts(codes, goes_on, lenient):
    """Whether a position is the first word of a span."""
    if lenient:
        return ops.logical_and(codes > 0, ops.logical_not(goes_on))
    return codes % 2 == 1


def move_left(mask, *tensors):
    """Each row with its masked-in positions first, in order, and then the others."""
    # Positions by a running sum: lengths may be unknown while a graph is traced.
    position = ops.cumsum(ops.ones_like(mask, "int32"), axis=1)
    order = ops.argsort(ops.where(mask, position, position + _FAR), axis=1)
    return [ops.take_along_axis(tensor, order, axis=1) for tensor in tensors]
