"""What is computed as the rows of a matrix, and its shape given back."""

from __future__ import annotations

from typing import Any

from keras import ops

from tfreg import _compat


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


def as_rows(x: Any, width: int) -> Any:
    """``x`` as a matrix, (rows, width); itself if it is one."""
    if len(x.shape) == 2 and x.shape[-1] == width:
        return x
    return ops.reshape(x, (-1, width))


def shaped(rows: Any, shape: Any) -> Any:
    """A matrix in a shape of the same last axis; itself if that is of two axes."""
    return rows if len(shape) == 2 else ops.reshape(rows, shape)


def as_before(rows: Any, x: Any) -> Any:
    """What was computed of `as_rows`, of the same size, in the shape of ``x``."""
    same = len(x.shape) == 2 and x.shape[-1] == rows.shape[-1]
    return rows if same else _compat.shaped_like(rows, x)
