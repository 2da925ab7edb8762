"""Scaled dot-product attention of a sequence to itself, heads side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from tfreg import _compat


def attend(
    x: Any,
    heads: int,
    mask: Any = None,
    drop: Callable[[Any], Any] = lambda p: p,
    shape: tuple[Any, Any] | None = None,
) -> Any:
    """softmax(q·kᵀ/√d + m)·v in each head, m: 0 where ``mask`` is true, else −10⁹.

    Args:
        x: queries, keys and values side by side, (batch, length, 3·heads·d).
        heads: how many.
        mask: which positions are seen: boolean or 0 and 1, (batch, 1 or length,
            length). A row that sees none attends to all alike.
        drop: applied to the weights.
        shape: (batch, length), where it is known already.

    Returns:
        (batch, length, heads, d).

    Example:
        >>> attend(keras.ops.ones((2, 5, 24)), heads=4).shape
        TensorShape([2, 5, 4, 2])

    Vaswani et al. (2017), "Attention Is All You Need", section 3.2.
    """
    batch, length = shape or ops.shape(x)[:2]
    size = x.shape[-1] // (3 * heads)
    x = ops.transpose(ops.reshape(x, (batch, length, 3, heads, size)), (2, 0, 3, 1, 4))
    query, key, value = ops.unstack(x, 3)
    query = ops.multiply(query, ops.convert_to_tensor(size**-0.5, query.dtype))
    scores = _compat.products(query, key, transposed=True)
    if mask is not None:
        least = -3e4 if keras.backend.standardize_dtype(x.dtype) == "float16" else -1e9
        seen = ops.expand_dims(ops.cast(mask, "bool"), 1)
        ends = (ops.convert_to_tensor(end, x.dtype) for end in (0.0, least))
        scores = scores + ops.where(seen, *ends)
    mixed = _compat.products(drop(ops.softmax(scores)), value)
    return ops.transpose(mixed, (0, 2, 1, 3))
