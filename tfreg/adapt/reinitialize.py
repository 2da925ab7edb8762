"""Giving the uppermost pretrained blocks up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from tfreg._checks import InputError
from tfreg.adapt.freeze import blocks

_STARTS: dict[str, Callable[[], Any]] = {
    "kernel": lambda: keras.initializers.TruncatedNormal(stddev=0.02),
    "bias": keras.initializers.Zeros,
    "beta": keras.initializers.Zeros,
    "gamma": keras.initializers.Ones,
}


def top(backbone: Any, count: int) -> list[Any]:
    """The uppermost blocks of a backbone, and the pooler above them.

    Raises:
        InputError: fewer blocks; shared ones; one that is frozen.
    """
    if not count:
        return []
    found = blocks(backbone, "reinitialize")
    if count > len(found):
        raise InputError(
            f"`reinitialize` must be at most the number of blocks, {len(found)}; "
            f"got {count!r}"
        )
    upper = found[-count:]
    if not all(block.trainable for block in upper):
        raise InputError(
            f"`reinitialize={count}` meets frozen blocks, which would stay random; "
            "lower it or `freeze`"
        )
    return upper + [layer for layer in backbone.layers if layer.name == "pooled_dense"]


def reinitialize(layers: list[Any]) -> None:
    """Give layers the weights of BERT's own start.

    Kernels N(0, 0.02²), cut at two deviations; biases 0; layer norms 1 and 0.

    Args:
        layers: as `top` gives them.

    Example:
        >>> reinitialize(top(backbone, 1))
        >>> float(keras.ops.max(backbone.pooled_dense.bias))
        0.0

    Zhang et al. (2021), "Revisiting Few-sample BERT Fine-tuning", section 5: the
    pooler and the top 1 to 5 blocks.
    """
    for layer in layers:
        for weight in layer.weights:
            start = _STARTS[weight.path.rpartition("/")[2]]()
            weight.assign(start(weight.shape, dtype=weight.dtype))
