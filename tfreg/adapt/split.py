"""A backbone cut in two above its lowest blocks."""

from __future__ import annotations

from typing import Any

import keras

from tfreg._checks import InputError
from tfreg.adapt.freeze import blocks


def split(backbone: Any, depth: int, read: Any) -> tuple[Any, Any]:
    """Cut a backbone above its lowest blocks, into two models that share its layers.

    upper([lower(x), *x.values()]) = read of backbone(x), x in the order of
    ``backbone.input``. What is computed beside the blocks and used above the cut
    (DeBERTa's relative embeddings) the upper model computes from the inputs.

    Args:
        backbone: a KerasHub backbone.
        depth: how many of its blocks lie below the cut, at least 1.
        read: the output of the backbone that is wanted, above the cut.

    Returns:
        The lower model, from the backbone's inputs to hidden states of shape
        (batch, pieces, width); and the upper one, from these and the inputs, in a list.

    Raises:
        InputError: fewer blocks; blocks that are shared, or pass on more than hidden
            states.

    Example:
        >>> lower, upper = split(backbone, 1, backbone.output["pooled_output"])
        >>> lower.output.shape, upper.output.shape
        ((None, None, 8), (None, 8))
    """
    found = blocks(backbone)
    if not 1 <= depth <= len(found):
        raise InputError(
            f"`depth` must be from 1 to the number of blocks, {len(found)}; "
            f"got {depth!r}"
        )
    hidden = keras.tree.flatten(found[depth - 1].output)
    if len(hidden) != 1 or len(hidden[0].shape) != 3:
        raise InputError(
            f"{type(backbone).__name__} cannot be cut between its blocks: they pass "
            "on more than hidden states"
        )
    lower = keras.Model(backbone.input, hidden[0])
    # Not flattened by Keras, which sorts names: a list's inputs go by their place.
    return lower, keras.Model([*hidden, *backbone.input.values()], read)
