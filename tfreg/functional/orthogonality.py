"""How far the columns of a matrix are from being orthonormal."""

from __future__ import annotations

from typing import Any

from keras import ops


def orthogonality(matrix: Any) -> Any:
    """‖WᵀW − I‖²_F, a plain sum of squares in float32; ‖WWᵀ − I‖²_F if W is wide.

    Args:
        matrix: W, of two axes.

    Example:
        >>> float(orthogonality(ops.array([[1.0, 0.0], [0.0, 2.0]])))
        9.0
    """
    matrix = ops.cast(matrix, "float32")
    long, wide = matrix.shape
    if wide > long:
        matrix = ops.transpose(matrix)
    products = ops.matmul(ops.transpose(matrix), matrix)
    return ops.sum(ops.square(products - ops.eye(min(long, wide), dtype="float32")))
