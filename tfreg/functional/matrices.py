"""Kernels as matrices: their form, their distance from orthogonal, their norm."""

from __future__ import annotations

import math
from typing import Any

from keras import ops


def matrix_form(kernel: Any) -> Any:
    """A kernel of any rank as a float32 matrix, split where it is nearest to square.

    Attention's kernels have rank 3: (width, heads, size) for queries, keys and values,
    (heads, size, width) for the output. Both become the matrix that is multiplied by.

    Example:
        >>> from keras import ops
        >>> matrix_form(ops.ones((12, 3, 4))).shape, matrix_form(ops.ones(5)).shape
        (TensorShape([12, 12]), TensorShape([5, 1]))
    """
    shape = tuple(kernel.shape)
    splits = range(1, len(shape)) if len(shape) > 1 else [len(shape)]
    sides = [(math.prod(shape[:at]), math.prod(shape[at:])) for at in splits]
    return ops.reshape(
        ops.cast(kernel, "float32"), min(sides, key=lambda side: abs(side[0] - side[1]))
    )


def orthogonality(matrix: Any) -> Any:
    """‖WᵀW − I‖_F², by the smaller of the two Gram matrices.

    ‖WᵀW‖_F = ‖WWᵀ‖_F and both have the trace ‖W‖_F², so that the other one's distance
    differs by the difference of the sides alone.
    """
    rows, columns = matrix.shape
    if columns > rows:
        matrix = ops.transpose(matrix)
    gram = ops.matmul(ops.transpose(matrix), matrix)
    distance = ops.sum(ops.square(gram - ops.eye(min(rows, columns))))
    return distance + max(columns - rows, 0)


def spectral_norm_squared(matrix: Any, iterations: int) -> Any:
    """σ_max(W)² = max ‖Wv‖²/‖v‖², v by power iteration from a fixed start.

    Never above the true value. The gradient holds v fixed; at the maximum that is the
    true gradient, 2σ·uvᵀ.
    """
    columns = matrix.shape[1]
    # Not a constant vector: trained kernels often have columns that sum to zero.
    v = ops.cos(ops.arange(columns, dtype="float32") * 2.4) + 1e-3
    held = ops.stop_gradient(matrix)
    for _ in range(iterations):
        v = v / ops.maximum(ops.norm(v), 1e-30)
        v = ops.matmul(ops.transpose(held), ops.matmul(held, ops.reshape(v, (-1, 1))))
        v = ops.reshape(v, (-1,))
    v = ops.stop_gradient(v / ops.maximum(ops.norm(v), 1e-30))
    return ops.sum(ops.square(ops.matmul(matrix, ops.reshape(v, (-1, 1)))))
