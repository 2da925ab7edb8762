"""What each block of a backbone puts out."""

from __future__ import annotations

from typing import Any

import keras

from tfreg._checks import InputError


def block_outputs(backbone: Any) -> list[Any]:
    """The hidden states after each transformer block, lowest first, symbolic.

    Raises:
        InputError: the backbone shares its blocks (ALBERT), or they pass on more than
            hidden states.

    Example:
        >>> [states.shape for states in block_outputs(backbone)]
        [(None, None, 8), (None, None, 8)]
    """
    blocks = getattr(backbone, "transformer_layers", None) or [[]]
    if any(isinstance(block, list) for block in blocks):
        raise InputError(
            f"`layer_mix`: {type(backbone).__name__} has no blocks apart to be mixed"
        )
    outputs = [keras.tree.flatten(block.output) for block in blocks]
    if any(len(states) != 1 or len(states[0].shape) != 3 for states in outputs):
        raise InputError(
            f"`layer_mix`: the blocks of {type(backbone).__name__} pass on more than "
            "hidden states"
        )
    return [states[0] for states in outputs]
