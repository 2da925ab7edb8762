"""Norms of groups of weights."""

from __future__ import annotations

from typing import Any

from keras import ops


def safe_root(x: Any) -> Any:
    """√x with the gradient 0 at 0, where the root's own is infinite."""
    positive = x > 0
    return ops.where(positive, ops.sqrt(ops.where(positive, x, 1.0)), 0.0)


def squares_along(kernel: Any, axis: int) -> Any:
    """Σw² of each slice of a kernel along one axis, in float32."""
    kernel = ops.cast(kernel, "float32")
    others = [other for other in range(len(kernel.shape)) if other != axis]
    return ops.sum(ops.square(kernel), axis=others)
