"""GELU, exact and by tanh, in one pass over memory each way.

The feed-forward activation is the widest array of an encoder; written out operation
by operation it costs more than the matrix products around it (measured on CPUs).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from tfreg import _compat
from tfreg.functional.column_sums import column_sums, row_of_ones
from tfreg.functional.shapes import as_before, as_rows

_SQRT_HALF = float(np.sqrt(1 / 2))
_NORMAL = float(1 / np.sqrt(2 * np.pi))
_TANH = float(np.sqrt(2 / np.pi))
_CUBE = 0.044715


def _exact(x: Any) -> Any:
    return x * (0.5 + 0.5 * ops.erf(x * _SQRT_HALF))


def _exact_slope(x: Any) -> Any:
    return 0.5 + 0.5 * ops.erf(x * _SQRT_HALF) + x * ops.exp(-0.5 * x * x) * _NORMAL


def _by_tanh(x: Any) -> Any:
    return 0.5 * x * (1 + ops.tanh(_TANH * (x + _CUBE * x * x * x)))


def _by_tanh_slope(x: Any) -> Any:
    tanh = ops.tanh(_TANH * (x + _CUBE * x * x * x))
    inner = _TANH * (1 + 3 * _CUBE * x * x)
    return 0.5 * (1 + tanh) + 0.5 * x * (1 - tanh * tanh) * inner


def _one_pass(function: Callable[[Any], Any], slope: Callable[[Any], Any]) -> Any:
    """An elementwise function of x + bias with its derivatives, in float32 inside."""

    def forward(x: Any, bias: Any) -> Any:
        z = ops.cast(x, "float32") + ops.cast(bias, "float32")
        return ops.cast(function(z), x.dtype)

    def backward(x: Any, bias: Any, upstream: Any) -> tuple[Any, Any]:
        rate = slope(ops.cast(x, "float32") + ops.cast(bias, "float32"))
        dx = ops.cast(rate * ops.cast(upstream, "float32"), x.dtype)
        return dx, row_of_ones(dx)

    forward, backward = _compat.compiled(forward), _compat.compiled(backward)

    @ops.custom_gradient
    def of_rows(x: Any, bias: Any) -> Any:
        def gradient(upstream: Any) -> Any:
            dx, ones = backward(x, bias, upstream)
            return (dx, *column_sums(ones, dx))

        return forward(x, bias), gradient

    def call(x: Any, bias: Any = None) -> Any:
        x = ops.convert_to_tensor(x)
        width = 1 if bias is None else x.shape[-1]
        bias = ops.zeros((1,)) if bias is None else bias
        bias = ops.cast(bias, x.dtype)
        return as_before(of_rows(as_rows(x, width), bias), x)

    return call


_gelu = _one_pass(_exact, _exact_slope)
_gelu_new = _one_pass(_by_tanh, _by_tanh_slope)


@keras.saving.register_keras_serializable("tfreg")
def gelu(x: Any, bias: Any = None) -> Any:
    """GELU: x·Φ(x), Φ the distribution function of the standard normal.

    Args:
        x: any shape, floating; computed in float32, returned in its own dtype.
        bias: added to x first; as long as the last axis. Defaults to none.

    Example:
        >>> float(gelu(keras.ops.array(1.0)))
        0.841344...

    Hendrycks & Gimpel (2016), "Gaussian Error Linear Units", equation 1.
    """
    return _gelu(x, bias)


@keras.saving.register_keras_serializable("tfreg")
def gelu_new(x: Any, bias: Any = None) -> Any:
    """GELU by its tanh approximation: ½x·(1 + tanh(√(2/π)·(x + 0.044715·x³))).

    Args:
        x: any shape, floating; computed in float32, returned in its own dtype.
        bias: added to x first; as long as the last axis. Defaults to none.

    Example:
        >>> float(gelu_new(keras.ops.array(1.0)))
        0.84119...

    Hendrycks & Gimpel (2016), section 2; as in the first BERT.
    """
    return _gelu_new(x, bias)
