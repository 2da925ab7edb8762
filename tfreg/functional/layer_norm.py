"""Layer normalisation over the last axis, in one pass over memory each way."""

from __future__ import annotations

from typing import Any

from keras import ops

from tfreg import _compat


def _mean(x: Any) -> Any:
    """Mean of each row: a product with ones, which compilers vectorise."""
    width = ops.shape(x)[-1]
    return ops.matmul(x, ops.ones((width, 1))) / ops.cast(width, "float32")


def normalised(z: Any, gamma: Any, beta: Any, epsilon: Any) -> tuple[Any, Any, Any]:
    """The normalised rows of a float32 matrix, their means and 1/√(variance + ε)."""
    mean = _mean(z)
    z = z - mean
    scale = ops.rsqrt(_mean(z * z) + epsilon)
    return z * scale * gamma + beta, mean, scale


def slopes(z: Any, gamma: Any, upstream: Any, mean: Any, scale: Any) -> tuple[Any, Any]:
    """The gradient by z, and what sums to the gradient by gamma."""
    normal = (z - mean) * scale
    slope = upstream * gamma
    dz = scale * (slope - _mean(slope) - normal * _mean(slope * normal))
    return dz, upstream * normal


@_compat.compiled
def _forward(x: Any, gamma: Any, beta: Any, epsilon: Any) -> tuple[Any, Any, Any]:
    y, mean, scale = normalised(ops.cast(x, "float32"), gamma, beta, epsilon)
    return ops.cast(y, x.dtype), mean, scale


@_compat.compiled
def _backward(
    x: Any, gamma: Any, upstream: Any, mean: Any, scale: Any
) -> tuple[Any, Any]:
    z, upstream = ops.cast(x, "float32"), ops.cast(upstream, "float32")
    dx, d_gamma = slopes(z, gamma, upstream, mean, scale)
    return ops.cast(dx, x.dtype), ops.cast(d_gamma, x.dtype)


@ops.custom_gradient
def _layer_norm(x: Any, gamma: Any, beta: Any, epsilon: Any) -> Any:
    y, mean, scale = _forward(x, gamma, beta, epsilon)

    def gradient(upstream: Any) -> Any:
        dx, d_gamma = _backward(x, gamma, upstream, mean, scale)
        d_gamma, d_beta = column_sums(d_gamma), column_sums(upstream)
        return dx, d_gamma, d_beta, None

    return y, gradient


def column_sums(x: Any) -> Any:
    """The sum of each column, in float32: a product, the fastest way in any dtype."""
    ones = ops.ones((1, ops.shape(x)[0]), x.dtype)
    return ops.cast(ops.reshape(ops.matmul(ones, x), (-1,)), "float32")


def layer_norm(x: Any, gamma: Any, beta: Any, epsilon: float) -> Any:
    """(x − mean)/√(variance + ε)·gamma + beta, over the last axis.

    Args:
        x: any shape (..., width), floating; computed in float32, returned in its own
            dtype.
        gamma: float32, (width,).
        beta: float32, (width,).
        epsilon: beside the variance, above 0.

    Example:
        >>> import keras
        >>> x = keras.ops.array([[1.0, 3.0]])
        >>> layer_norm(x, [1.0, 1.0], [0.0, 0.0], 1e-12).numpy().tolist()
        [[-1.0, 1.0]]

    Ba, Kiros & Hinton (2016), "Layer Normalization", equation 4.
    """
    flat = ops.reshape(x, (-1, x.shape[-1]))
    # As tensors: a function with its own gradient may not read variables.
    gamma, beta = (ops.cast(ops.reshape(v, (-1,)), "float32") for v in (gamma, beta))
    epsilon = ops.convert_to_tensor(epsilon, "float32")
    return ops.reshape(_layer_norm(flat, gamma, beta, epsilon), ops.shape(x))
