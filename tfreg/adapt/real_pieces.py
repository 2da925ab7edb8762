"""An encoder that computes real pieces alone, wherever each stands for itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tfreg import _compat
from tfreg.functional.real_rows import RealRows
from tfreg.layers import LayerNormalization, TransformerEncoder


@contextmanager
def on_real_pieces(backbone: Any, real: RealRows) -> Iterator[None]:
    """Inside, what a training pass computes position by position leaves out padding.

    Products, activations and norms of the blocks, and the norm of the embeddings.
    Dropout draws other masks, everything else is the same where pieces are real. Where
    not all blocks can do it, none does. Only a forward pass may stand inside.

    Args:
        backbone: one that has been through `make_lean`.
        real: of the batch that it is given.

    Example:
        >>> import numpy as np
        >>> from tfreg.adapt.lean import make_lean
        >>> from tfreg.functional.real_rows import real_rows
        >>> make_lean(backbone)
        >>> x = {name: np.ones((2, 3), "int32") for name in backbone.input}
        >>> x["padding_mask"][1, 1:] = 0
        >>> with on_real_pieces(backbone, real_rows(x["padding_mask"], [5])):
        ...     found = backbone(x, training=True)
        >>> found["sequence_output"].shape
        TensorShape([2, 3, 8])
    """
    # Norms inside a block are not called: it takes their weights.
    norms = [each for each in backbone.layers if isinstance(each, LayerNormalization)]
    layers = norms + _blocks(backbone) if serves_real_pieces(backbone) else []
    for layer in layers:
        layer.real = real
    try:
        yield
    finally:
        for layer in layers:
            layer.real = None


def serves_real_pieces(backbone: Any) -> bool:
    """Whether a backbone, or a part of one, has blocks that all leave out padding."""
    blocks = _blocks(backbone)
    return bool(blocks) and all(block.leaves_out for block in blocks)


def _blocks(backbone: Any) -> list[TransformerEncoder]:
    inner = _compat.nested_layers(backbone)
    return [layer for layer in inner if isinstance(layer, TransformerEncoder)]
