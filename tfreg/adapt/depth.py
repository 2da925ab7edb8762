"""How deep in an encoder a weight lies."""

from __future__ import annotations

from typing import Any


def blocks_above(backbone: Any) -> dict[str, int] | None:
    """For each weight's path, the blocks between it and the encoder's output.

    0 for the last block and the pooler, the number of blocks for the embeddings. None
    where blocks share their weights (ALBERT), which then have no depth.

    Example:
        >>> depth = blocks_above(backbone)
        >>> depth["transformer_layer_0/self_attention_layer/query/kernel"]
        1
        >>> depth["token_embedding/embeddings"], depth["pooled_dense/kernel"]
        (2, 0)
    """
    blocks = getattr(backbone, "transformer_layers", None) or []
    if any(isinstance(block, list) for block in blocks):
        return None
    depth = {weight.path: len(blocks) for weight in backbone.weights}
    for number, block in enumerate(blocks):
        depth |= {weight.path: len(blocks) - 1 - number for weight in block.weights}
    pooler = [layer for layer in backbone.layers if layer.name == "pooled_dense"]
    return depth | {weight.path: 0 for layer in pooler for weight in layer.weights}
