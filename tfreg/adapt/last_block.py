"""A last block of whose output only some positions are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tfreg import _compat
from tfreg.functional.real_rows import RealRows
from tfreg.layers import TransformerEncoder


@contextmanager
def answering_first(backbone: Any) -> Iterator[None]:
    """Inside, a backbone computes its sequence output at the first position alone.

    Nothing changes for what is read there, the pooled output among it. Backbones whose
    last block is not KerasHub's `TransformerEncoder`, or is each of their blocks
    (ALBERT), compute all of it as ever. Only a forward pass may stand inside.

    Args:
        backbone: one that has been through `make_lean`.

    Example:
        >>> import numpy as np
        >>> from tfreg.adapt.lean import make_lean
        >>> make_lean(backbone)
        >>> with answering_first(backbone):
        ...     found = backbone({name: np.ones((1, 3)) for name in backbone.input})
        >>> found["sequence_output"].shape, found["pooled_output"].shape
        (TensorShape([1, 1, 8]), TensorShape([1, 8]))
    """
    block = _last_block(backbone)
    if block is None:
        yield
    else:
        with block.answering_first():
            yield


@contextmanager
def answering_at(backbone: Any, read: RealRows) -> Iterator[None]:
    """Inside, a backbone computes its sequence output at some positions alone.

    Nothing changes for what is read there; elsewhere, and in the pooled output, is
    what nobody may read. Backbones compute all of it as ever where they do for
    `answering_first`, and where their last block is not `leaves_out`. Dropout draws
    other masks. Only a forward pass may stand inside.

    Args:
        backbone: one that has been through `make_lean`.
        read: the positions, of the batch that it is given.

    Example:
        >>> import numpy as np
        >>> from tfreg.adapt.lean import make_lean
        >>> from tfreg.functional.real_rows import real_rows
        >>> make_lean(backbone)
        >>> words = real_rows(np.array([[0, 1, 0, 1]]))
        >>> with answering_at(backbone, words):
        ...     found = backbone({name: np.ones((1, 4)) for name in backbone.input})
        >>> found["sequence_output"].shape
        TensorShape([1, 4, 8])
    """
    block = _last_block(backbone)
    if block is not None:
        block.read = read
    try:
        yield
    finally:
        if block is not None:
            block.read = None


def spared_weights(backbone: Any) -> list[Any]:
    """The weights with which `answering_at` spares products."""
    block = _last_block(backbone)
    if block is None or not block.leaves_out:
        return []
    inner = _compat.encoder_layers(block)
    attention = _compat.attention_layers(inner.attention)
    assert attention is not None
    layers = attention[3], inner.intermediate, inner.output
    return [weight for layer in layers for weight in layer.weights]


def _last_block(backbone: Any) -> TransformerEncoder | None:
    """The block whose output is the backbone's, if that is pooled, at position 0."""
    blocks = getattr(backbone, "transformer_layers", None) or [None]
    last, output = blocks[-1], backbone.output
    if not isinstance(last, TransformerEncoder):
        return None
    sequence = output["sequence_output"] if isinstance(output, dict) else output
    pooled = isinstance(output, dict) and "pooled_output" in output
    first = not pooled or getattr(backbone, "cls_token_index", None) == 0
    return last if first and last.output is sequence else None
