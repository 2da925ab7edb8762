"""Shapes to give back to what was computed as rows."""

from __future__ import annotations

from typing import Any

from keras import ops


def shape_of(x: Any) -> tuple[Any, ...]:
    """The shape of ``x`` for a reshape: −1 for a length that it alone does not know.

    A graph reads each length that it does not know by five operations, and tracing
    them takes longer than anything else at the start of a fit.

    Args:
        x: any shape.

    Example:
        >>> import keras
        >>> shape_of(keras.ops.ones((2, 3)))
        (2, 3)
    """
    lengths = tuple(x.shape)
    if lengths.count(None) == 1:
        return tuple(-1 if length is None else length for length in lengths)
    return tuple(ops.shape(x))
