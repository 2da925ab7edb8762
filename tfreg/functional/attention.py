"""Scaled dot-product attention of a sequence to itself, heads side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from tfreg import _compat


def in_heads(x: Any, heads: int, shape: tuple[Any, Any] | None = None) -> list[Any]:
    """Queries, keys and values, head by head, of what has them side by side.

    Args:
        x: (batch, length, 3·heads·d).
        heads: how many.
        shape: (batch, length), where it is known already.

    Returns:
        Three arrays (batch, heads, length, d).

    Example:
        >>> [x.shape for x in in_heads(keras.ops.ones((2, 5, 24)), heads=4)][0]
        TensorShape([2, 4, 5, 2])
    """
    batch, length = shape or ops.shape(x)[:2]
    size = x.shape[-1] // (3 * heads)
    x = ops.reshape(x, (batch, length, 3, heads, size))
    return ops.unstack(ops.transpose(x, (2, 0, 3, 1, 4)), 3)


def attend(
    query: Any,
    key: Any,
    value: Any,
    mask: Any = None,
    drop: Callable[[Any], Any] = lambda p: p,
) -> Any:
    """softmax(q·kᵀ/√d + m)·v in each head, m: 0 where ``mask`` is true, else −10⁹.

    Args:
        query, key, value: (batch, heads, length, d) each.
        mask: which positions are seen: boolean or 0 and 1, (batch, 1 or length,
            length). A row that sees none attends to all alike.
        drop: applied to the weights.

    Returns:
        (batch, length, heads, d).

    Example:
        >>> query, key, value = in_heads(keras.ops.ones((2, 5, 24)), heads=4)
        >>> attend(query, key, value).shape
        TensorShape([2, 5, 4, 2])

    Vaswani et al. (2017), "Attention Is All You Need", section 3.2.
    """
    size = query.shape[-1]
    query = ops.multiply(query, ops.convert_to_tensor(size**-0.5, query.dtype))
    scores = _compat.products(query, key, transposed=True)
    if mask is not None:
        dtype = keras.backend.standardize_dtype(query.dtype)
        least = -3e4 if dtype == "float16" else -1e9
        seen = ops.expand_dims(ops.cast(mask, "bool"), 1)
        ends = (ops.convert_to_tensor(end, query.dtype) for end in (0.0, least))
        scores = scores + ops.where(seen, *ends)
    mixed = _compat.products(drop(ops.softmax(scores)), value)
    return ops.transpose(mixed, (0, 2, 1, 3))
