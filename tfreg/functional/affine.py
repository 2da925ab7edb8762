"""Products of matrices with their biases, where TensorFlow makes most of them."""

from __future__ import annotations

from typing import Any

from keras import ops

from tfreg import _compat
from tfreg.functional.shapes import shaped


def affine(rows: Any, kernel: Any, bias: Any, shape: Any, training: bool | None) -> Any:
    """rows·kernel + bias, in another shape.

    Args:
        rows: a matrix, (rows, size).
        kernel: (size, width).
        bias, shape, training: as for `biased`.

    Example:
        >>> import keras
        >>> rows, kernel = keras.ops.ones((2, 3)), keras.ops.ones((3, 4))
        >>> affine(rows, kernel, keras.ops.ones(4), (1, 2, 4), False).shape
        TensorShape([1, 2, 4])
    """
    if bias is not None and not training and _compat.fuses_products(rows):
        return shaped(_compat.fused_product(rows, kernel, bias), shape)
    return biased(ops.matmul(rows, kernel), bias, shape, training)


def biased(rows: Any, bias: Any, shape: Any, training: bool | None) -> Any:
    """rows + bias, in another shape.

    Added to a matrix, the bias is fused into the product before it: a prediction takes
    a twelfth less time so. A fit gained nothing, or lost (CoNLL-2003, bfloat16, two
    cores): in training it is added to more axes, to one more where it is a matrix.

    Args:
        rows: a product, (rows, width).
        bias: (width,), or None for none.
        shape: of the result, its last axis of the same width.
        training: whether the step is one of training.

    Example:
        >>> import keras
        >>> rows = keras.ops.ones((2, 3))
        >>> biased(rows, keras.ops.ones(3), (1, 2, 3), False).shape
        TensorShape([1, 2, 3])
    """
    if bias is None:
        return shaped(rows, shape)
    if not training:
        return shaped(ops.add(rows, bias), shape)
    if len(shape) > 2:
        return ops.add(ops.reshape(rows, shape), bias)
    return ops.squeeze(ops.add(ops.expand_dims(rows, 0), bias), 0)
