"""A kernel as a pass sees it: in training with the noise that was put on it."""

from __future__ import annotations

from typing import Any

from keras import ops

from tfreg import _compat


def kernel_of(layer: Any, training: bool | None) -> Any:
    """The kernel of a `Dense` or `EinsumDense` of ours, for a pass.

    In training it goes through the layer's ``kernel_noise``, if it has one, in the
    precision it is stored in; at inference it is the kernel itself.

    Args:
        layer: a layer with a ``kernel`` and a ``kernel_noise``: None, or a function
            of a float32 kernel.
        training: whether the pass is one of training.
    """
    noise = layer.kernel_noise
    if noise is None or not training:
        return layer.kernel
    return ops.cast(noise(_compat.uncast(layer.kernel)), layer.compute_dtype)
