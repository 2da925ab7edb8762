"""Gaussians: samples of them, and how far one is from another."""

from __future__ import annotations

import math
from typing import Any

from keras import ops

from tfreg import _compat
from tfreg.functional.dropout import random_bits


@_compat.compiled
def _normal(flat: Any, key: Any) -> Any:
    bits = ops.right_shift(random_bits(2 * ops.size(flat), key), ops.cast(8, "uint32"))
    share = (ops.cast(ops.cast(bits, "int32"), "float32") + 0.5) * 2.0**-24  # (0, 1]
    radius, turn = ops.unstack(ops.reshape(share, (2, -1)), 2)
    return ops.sqrt(-2.0 * ops.log(radius)) * ops.cos(2.0 * math.pi * turn)


def normal(like: Any, key: Any) -> Any:
    """A sample of N(0, 1) for each element, of the shape of ``like``.

    √(−2 ln u)·cos 2πv, u and v uniform on 2²⁴ values; none is beyond ±5.9.

    Args:
        like: any shape, floating; its values are not read.
        key: two integers of 32 bits; the same key gives the same sample.

    Returns:
        float32.

    Example:
        >>> import keras
        >>> normal(keras.ops.ones((2, 3)), (1, 2)).shape
        TensorShape([2, 3])

    Box & Muller (1958), "A Note on the Generation of Random Normal Deviates".
    """
    flat = ops.reshape(ops.stop_gradient(like), (-1,))
    noise = ops.stop_gradient(_normal(flat, ops.cast(key, "uint32")))
    return ops.reshape(noise, ops.shape(like))


def kl_divergence(
    mean: Any, deviation: Any, prior_mean: Any = 0.0, prior_deviation: Any = 1.0
) -> Any:
    """KL(N(μ, diag σ²) ‖ N(m, diag s²)), summed over the last axis, in float32.

    ½·Σ_k [σ_k²/s_k² + (μ_k − m_k)²/s_k² − 1 − ln(σ_k²/s_k²)]: a sum, no mean.

    Args:
        mean: μ, (..., K).
        deviation: σ, above 0, (..., K).
        prior_mean: m, a number or (K,); defaults to 0.
        prior_deviation: s, above 0, a number or (K,); defaults to 1.

    Returns:
        (...), at least 0.

    Example:
        >>> import keras
        >>> float(kl_divergence(keras.ops.ones(4), keras.ops.ones(4)))
        2.0

    Kingma & Welling (2014), "Auto-Encoding Variational Bayes", appendix B.
    """
    mean, deviation, prior_mean, prior_deviation = (
        ops.cast(value, "float32")
        for value in (mean, deviation, prior_mean, prior_deviation)
    )
    ratio = ops.square(deviation / prior_deviation)
    distance = ops.square((mean - prior_mean) / prior_deviation)
    return 0.5 * ops.sum(ratio + distance - 1.0 - ops.log(ratio), axis=-1)
