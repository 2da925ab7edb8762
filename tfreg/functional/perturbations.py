"""Steps of a given length in the direction of a gradient, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops


def _rest(x: Any) -> tuple[int, ...]:
    return tuple(range(1, len(x.shape)))


def _divided(x: Any, size: Any, usable: Any) -> Any:
    return ops.where(usable, x / ops.where(usable, size, 1.0), 0.0)


def unit_max(x: Any) -> Any:
    """Each row over the largest absolute value in it.

    A row that points nowhere is 0: one of zeros, or one with a number in it that is
    not finite (a float16 gradient overflows now and then).

    Args:
        x: (rows, ...), float32.

    Example:
        >>> import keras
        >>> unit_max(keras.ops.array([[2.0, -4.0], [0.0, 0.0]])).numpy().tolist()
        [[0.5, -1.0], [0.0, 0.0]]
    """
    size = ops.max(ops.abs(x), axis=_rest(x), keepdims=True)
    finite = ops.all(ops.isfinite(x), axis=_rest(x), keepdims=True)
    return _divided(x, size, ops.logical_and(finite, size > 0))


def unit(x: Any) -> Any:
    """Each row over its Euclidean length; 0 where it points nowhere (see `unit_max`).

    Args:
        x: (rows, ...), float32; a row may be as short as float32 goes.

    Example:
        >>> import keras
        >>> short = unit(keras.ops.array([[3e-30, 4e-30]]))
        >>> [round(float(x), 4) for x in short[0]]
        [0.6, 0.8]
    """
    x = unit_max(x)  # squares of tiny numbers would be 0
    size = ops.sqrt(ops.sum(ops.square(x), axis=_rest(x), keepdims=True))
    return _divided(x, size, size > 0)


def within(x: Any, radius: float) -> Any:
    """Each row, shortened to the Euclidean length ``radius`` if it is longer.

    Args:
        x: (rows, ...), float32.
        radius: at least 0.

    Example:
        >>> import keras
        >>> within(keras.ops.array([[3.0, 4.0], [0.0, 1.0]]), 2.5).numpy().tolist()
        [[1.5, 2.0], [0.0, 1.0]]
    """
    size = ops.sqrt(ops.sum(ops.square(x), axis=_rest(x), keepdims=True))
    return ops.where(size > radius, x * (radius / ops.maximum(size, 1e-30)), x)


def unit_together(tensors: Sequence[Any]) -> list[Any]:
    """Tensors over the Euclidean length of all their elements together.

    All are 0 where they point nowhere: if all are, if a number is not finite, or if
    the sum of the squares is not in the range of float32.

    Example:
        >>> import keras
        >>> a, b = keras.ops.array([3.0]), keras.ops.array([[4.0]])
        >>> [round(float(x.numpy().max()), 4) for x in unit_together([a, b])]
        [0.6, 0.8]
    """
    # As every gradient clipping does it: two scalars of each tensor instead of one
    # keep XLA busy for minutes.
    square = sum(ops.sum(ops.square(x)) for x in tensors)
    usable = ops.logical_and(ops.isfinite(square), square > 0)
    scale = ops.rsqrt(ops.where(usable, square, 1.0))
    return [ops.where(usable, x * scale, 0.0) for x in tensors]
