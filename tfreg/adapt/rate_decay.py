"""Learning rates that fall with the depth of a layer."""

from __future__ import annotations

from typing import Any

from tfreg._checks import InputError
from tfreg.adapt.freeze import blocks, embeddings


def rate_multipliers(backbone: Any, layer_decay: float) -> dict[str, float]:
    """Learning rates that fall with depth, as `AdamW` takes its ``multipliers``.

    η·d^k, with k = 0 for the head and the pooler, 1 for the highest block, n for the
    lowest of n, and n + 1 for the embeddings.

    Args:
        backbone: a KerasHub backbone, frozen as it will be.
        layer_decay: d in (0, 1].

    Returns:
        {path pattern: factor}, a pattern a layer; none for d = 1 and frozen layers.

    Raises:
        InputError: the backbone shares its blocks (ALBERT), so that none has a depth.

    Example:
        >>> rate_multipliers(backbone, 0.5)["transformer_layer_0/*"]  # of 2 blocks
        0.25

    Howard & Ruder (2018), "Universal Language Model Fine-tuning for Text
    Classification", section 3.2 (there d = 1/2.6); Clark et al. (2020),
    "ELECTRA", whose code leaves a step of two between the head and the highest block.
    """
    if layer_decay == 1:
        return {}
    try:
        found = blocks(backbone)
    except InputError as error:
        raise InputError(
            f"`layer_decay`: {type(backbone).__name__} has no blocks of its own at "
            "each depth; use 1"
        ) from error
    levels = [embeddings(backbone), *([block] for block in found)]
    return {
        f"{layer.name}/*": layer_decay ** (len(levels) - level)
        for level, layers in enumerate(levels)
        for layer in layers
        if layer.trainable_variables
    }
