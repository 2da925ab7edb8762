"""Dropout, residual and layer normalisation in one pass over memory each way."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfreg import _compat
from tfreg.functional.column_sums import column_sums, row_of_ones
from tfreg.functional.dropout import masked, threshold_and_scale
from tfreg.functional.shapes import as_before, as_rows


def _mean(x: Any) -> Any:
    """Mean of each row: a product with ones, which compilers vectorise."""
    width = ops.shape(x)[-1]
    return ops.matmul(x, ops.ones((width, 1))) / ops.cast(width, "float32")


def _normalised(z: Any, gamma: Any, beta: Any, epsilon: Any) -> tuple[Any, Any, Any]:
    """The normalised rows of a float32 matrix, their means and 1/√(variance + ε)."""
    mean = _mean(z)
    z = z - mean
    scale = ops.rsqrt(_mean(z * z) + epsilon)
    return z * scale * gamma + beta, mean, scale


def _slopes(
    z: Any, gamma: Any, upstream: Any, mean: Any, scale: Any
) -> tuple[Any, Any]:
    """The gradient by z, and what sums to the gradient by gamma."""
    normal = (z - mean) * scale
    slope = upstream * gamma
    dz = scale * (slope - _mean(slope) - normal * _mean(slope * normal))
    return dz, upstream * normal


@_compat.compiled
def _forward(
    x: Any, residual: Any, gamma: Any, beta: Any, epsilon: Any, drop: tuple[Any, ...]
) -> tuple[Any, ...]:
    z = ops.cast(x, "float32")
    if drop:
        z = masked(z, *drop)
    z = ops.cast(z + ops.cast(residual, "float32"), x.dtype)
    y, mean, scale = _normalised(ops.cast(z, "float32"), gamma, beta, epsilon)
    return ops.cast(y, x.dtype), z, mean, scale


@_compat.compiled
def _backward(
    z: Any, gamma: Any, upstream: Any, mean: Any, scale: Any, drop: tuple[Any, ...]
) -> tuple[Any, ...]:
    dz, d_gamma = _slopes(
        ops.cast(z, "float32"), gamma, ops.cast(upstream, "float32"), mean, scale
    )
    dx = masked(dz, *drop) if drop else dz
    found = (ops.cast(value, z.dtype) for value in (dx, dz, d_gamma))
    return *found, row_of_ones(z)


def _add_norm(
    x: Any, residual: Any, gamma: Any, beta: Any, epsilon: Any, drop: tuple[Any, ...]
) -> Any:
    @ops.custom_gradient
    def of(x: Any, residual: Any, gamma: Any, beta: Any) -> Any:
        y, z, mean, scale = _forward(x, residual, gamma, beta, epsilon, drop)

        def gradient(upstream: Any) -> Any:
            dx, dz, d_gamma, ones = _backward(z, gamma, upstream, mean, scale, drop)
            sums = column_sums(ones, d_gamma, upstream)
            return (dx, dz, *(ops.cast(each, "float32") for each in sums))

        return y, gradient

    return of(x, residual, gamma, beta)


def _forward_only(x: Any, residual: Any, gamma: Any, beta: Any, epsilon: float) -> Any:
    """The same without dropout, and with nothing that is compiled for a shape."""
    z = x + ops.cast(residual, x.dtype)
    if _compat.fuses_norms(keras.backend.standardize_dtype(z.dtype)):
        return _compat.fused_norm(z, gamma, beta, epsilon)
    z = ops.cast(z, "float32")
    z = z - ops.mean(z, axis=-1, keepdims=True)
    scale = ops.rsqrt(ops.mean(z * z, axis=-1, keepdims=True) + epsilon)
    return ops.cast(z * scale * gamma + beta, x.dtype)


def add_norm(
    x: Any,
    residual: Any,
    gamma: Any,
    beta: Any,
    epsilon: float,
    rate: float = 0.0,
    key: Any = None,
    training: bool | None = True,
) -> Any:
    """Layer normalisation of ``residual`` + dropout(x).

    Args:
        x: any shape (..., width), floating; computed in float32, returned in its own
            dtype.
        residual: as ``x``.
        gamma: float32, (width,).
        beta: float32, (width,).
        epsilon: beside the variance, above 0.
        rate: of the dropout, in [0, 1). Defaults to 0.
        key: of the dropout's mask, two integers of 32 bits; None: no dropout. With a
            key, and a rate of 0, what is compiled is the same as at other rates.
        training: where not, nothing drops out and nothing is compiled: each batch of a
            prediction has its own shape. Defaults to True.

    Example:
        >>> import keras
        >>> x = keras.ops.array([[1.0, 3.0]])
        >>> add_norm(x, x, [1.0, 1.0], [0.0, 0.0], 1e-12).numpy().tolist()
        [[-1.0, 1.0]]

    Vaswani et al. (2017), "Attention Is All You Need", sections 3.1 and 5.4.
    """
    width = x.shape[-1]
    flat, other = as_rows(x, width), as_rows(residual, width)
    # As tensors: a function with its own gradient may not read variables.
    gamma, beta = (ops.cast(_vector(v), "float32") for v in (gamma, beta))
    if not training:
        return as_before(_forward_only(flat, other, gamma, beta, epsilon), x)
    drop: tuple[Any, ...] = ()
    if rate or key is not None:
        drop = (ops.cast(key, "uint32"), *threshold_and_scale(rate))
    small = ops.convert_to_tensor(epsilon, "float32")
    return as_before(_add_norm(flat, other, gamma, beta, small, drop), x)


def _vector(x: Any) -> Any:
    x = ops.convert_to_tensor(x)
    return x if len(x.shape) == 1 else ops.reshape(x, (-1,))
