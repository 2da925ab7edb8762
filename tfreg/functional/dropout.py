"""Dropout whose mask is computed where it is used, and never stored.

Keras draws a float for each element, compares, selects and multiplies, each in a pass
over memory, and keeps the mask for the backward pass: on a CPU this costs as much as
the matrix products it stands between. Here bit i of the mask is a hash of i, inside
the loop that uses it, forward and backward.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from tfreg import _compat


def _mixed(bits: Any) -> Any:
    """The finaliser of MurmurHash3: each bit in changes each bit out half the time."""
    for multiplier, shift in ((0x85EBCA6B, 16), (0xC2B2AE35, 13)):
        shifted = ops.right_shift(bits, ops.cast(shift, "uint32"))
        bits = ops.bitwise_xor(bits, shifted) * ops.cast(multiplier, "uint32")
    return ops.bitwise_xor(bits, ops.right_shift(bits, ops.cast(16, "uint32")))


def random_bits(count: Any, key: Any) -> Any:
    """``count`` random integers of 32 bits, the same for the same key.

    The i-th is mix(start + i·gamma), with start and an odd gamma from the key.

    Args:
        count: how many, below 2³¹.
        key: two integers of 32 bits, which may follow one another closely.

    Steele, Lea & Flood (2014), "Fast Splittable Pseudorandom Number Generators",
    section 4, on 32 bits, with the mixer of MurmurHash3.
    """
    key = ops.cast(key, "uint32")
    start = _mixed(
        ops.bitwise_xor(key[0], _mixed(key[1] + ops.cast(0x9E3779B9, "uint32")))
    )
    gamma = ops.bitwise_or(_mixed(start + key[1]), ops.cast(1, "uint32"))
    place = ops.cast(ops.arange(count, dtype="int32"), "uint32")
    return _mixed(start + gamma * place)


def masked(x: Any, key: Any, threshold: Any, scale: Any) -> Any:
    """x·scale where the bit of its place is at least ``threshold``, else 0."""
    bits = ops.reshape(random_bits(ops.size(x), key), ops.shape(x))
    return ops.where(bits >= threshold, x * scale, 0.0)


def threshold_and_scale(rate: float) -> tuple[Any, Any]:
    """What `masked` takes for a dropout rate in [0, 1)."""
    threshold = ops.convert_to_tensor(np.uint32(round(rate * 2**32)))
    return threshold, ops.convert_to_tensor(1 / (1 - rate), "float32")


@_compat.compiled
def _chosen(flat: Any, key: Any, threshold: Any) -> Any:
    return random_bits(ops.size(flat), key) < threshold


def chosen(like: Any, rate: float, key: Any) -> Any:
    """True with probability ``rate`` for each element, of the shape of ``like``.

    Args:
        like: any shape and dtype; its values are not read.
        rate: in [0, 1), met to 2⁻³².
        key: two integers of 32 bits; the same key gives the same choice.

    Example:
        >>> import keras
        >>> bool(keras.ops.any(chosen(keras.ops.ones((2, 3)), 0.0, (1, 2))))
        False
    """
    flat, (threshold, _) = ops.reshape(like, (-1,)), threshold_and_scale(rate)
    found = _chosen(flat, ops.cast(key, "uint32"), threshold)
    return _compat.shaped_like(found, like)


@_compat.compiled
def _drop(x: Any, key: Any, threshold: Any, scale: Any) -> Any:
    return ops.cast(masked(ops.cast(x, "float32"), key, threshold, scale), x.dtype)


def _dropout(x: Any, *of: Any) -> Any:
    @ops.custom_gradient
    def drop(x: Any) -> Any:
        return _drop(x, *of), lambda upstream: _drop(upstream, *of)

    return drop(x)


def dropout(x: Any, rate: float, key: Any) -> Any:
    """x with each element zero with probability ``rate``, else divided by 1 − rate.

    Args:
        x: any shape, floating; computed in float32, returned in its own dtype.
        rate: in [0, 1), met to 2⁻³².
        key: two integers of 32 bits; the same key gives the same mask.

    Example:
        >>> import keras
        >>> sorted(set(keras.ops.convert_to_numpy(
        ...     dropout(keras.ops.ones(1000), 0.5, (1, 2))
        ... ).tolist()))
        [0.0, 2.0]

    Srivastava et al. (2014), "Dropout", section 4, scaled in training.
    """
    flat = ops.reshape(x, (-1,))
    flat = _dropout(flat, ops.cast(key, "uint32"), *threshold_and_scale(rate))
    return _compat.shaped_like(flat, x)
