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
    Dropout draws other masks, everything else is the same where pieces are real.
    Blocks that are not `tfreg`'s compute all as ever. Only a forward pass may stand
    inside.

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
    layers = _served(backbone)
    for layer in layers:
        layer.real = real
    try:
        yield
    finally:
        for layer in layers:
            layer.real = None


def serves_real_pieces(backbone: Any) -> bool:
    """Whether a backbone has blocks that can leave out padding."""
    return any(isinstance(layer, TransformerEncoder) for layer in _served(backbone))


def _served(backbone: Any) -> list[Any]:
    # Norms inside a block are not called: it takes their weights.
    norms = [each for each in backbone.layers if isinstance(each, LayerNormalization)]
    inner = _compat.nested_layers(backbone)
    return norms + [each for each in inner if isinstance(each, TransformerEncoder)]
