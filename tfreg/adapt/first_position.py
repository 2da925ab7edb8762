"""A last block of whose output only the first position is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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
