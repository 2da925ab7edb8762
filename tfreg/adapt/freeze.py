"""Which part of a backbone trains."""

from __future__ import annotations

from typing import Any

from tfreg._checks import InputError
from tfreg.adapt.dropout import silence


def every_block(backbone: Any) -> list[Any]:
    """The transformer blocks of a backbone, lowest first; shared ones once.

    Raises:
        InputError: it has none.
    """
    layers = getattr(backbone, "transformer_layers", None)
    if not layers:
        raise InputError(f"{type(backbone).__name__} has no transformer blocks")
    return _flat(layers)


def blocks(backbone: Any, field: str = "freeze") -> list[Any]:
    """The transformer blocks of a backbone, each with its depth: lowest first.

    Args:
        backbone: a KerasHub backbone.
        field: the option that goes by depth, for errors.

    Raises:
        InputError: the backbone shares its blocks (ALBERT), so none has a depth.
    """
    found = every_block(backbone)
    if any(isinstance(layer, list) for layer in backbone.transformer_layers):
        others = "; use None, 'embeddings' or 'backbone'" if field == "freeze" else ""
        raise InputError(
            f"`{field}`: {type(backbone).__name__} shares its blocks, so their depth "
            f"says nothing{others}"
        )
    return found


def block_patterns(backbone: Any, field: str) -> list[tuple[str, ...]]:
    """Path patterns of the embeddings, then of each block, lowest first.

    Args:
        backbone, field: as for `blocks`.

    Example:
        >>> block_patterns(backbone, "gradual_unfreezing")[1:]
        [('transformer_layer_0/*',), ('transformer_layer_1/*',)]
    """
    below = tuple(f"{layer.name}/*" for layer in embeddings(backbone))
    return [below, *((f"{block.name}/*",) for block in blocks(backbone, field))]


def embeddings(backbone: Any) -> list[Any]:
    """The layers with weights that are neither in a block nor the pooler."""
    inner = {id(layer) for layer in _flat(backbone.transformer_layers)}
    return [
        layer
        for layer in backbone.layers
        if layer.weights and id(layer) not in inner and layer.name != "pooled_dense"
    ]


def freeze(backbone: Any, what: str | int | None) -> None:
    """Freeze a backbone's lower part; what is above trains.

    Frozen blocks run with dropout off, so that their features are the same in every
    pass. Call it after the dropout rates are set and before penalties are attached.

    Args:
        backbone: a KerasHub backbone.
        what: None (all of it trains), ``"embeddings"``, ``"backbone"``, or the
            number of lowest blocks, which freezes the embeddings with them.

    Raises:
        InputError: more blocks than there are, or blocks that are shared.

    Example:
        >>> freeze(backbone, 2)
    """
    # Keras passes the flag on only where it changes: say it to each layer.
    for layer in (backbone, *backbone.layers):
        layer.trainable = True
    if what is None:
        return
    if what == "backbone":
        backbone.trainable = False
        silence([backbone])
        return
    frozen = embeddings(backbone)
    if what != "embeddings":
        depth = int(what)
        found = blocks(backbone)
        if depth > len(found):
            raise InputError(
                f"`freeze` must be at most the number of blocks, {len(found)}; "
                f"got {what!r}"
            )
        frozen += found[:depth]
        silence([*found[:depth], *_embedding_dropouts(backbone)])
    for layer in frozen:
        layer.trainable = False


def freeze_unread(backbone: Any, read: Any) -> None:
    """Freeze the layers of a backbone that the output ``read`` does not pass through.

    A pooler that no head reads gets no gradient; left trainable it would be counted,
    decayed and penalised all the same.
    """
    import keras

    used = {id(layer) for layer in keras.Model(backbone.input, read).layers}
    for layer in backbone.layers:
        if id(layer) not in used:
            layer.trainable = False


def _embedding_dropouts(backbone: Any) -> list[Any]:
    return [layer for layer in backbone.layers if layer.name == "embeddings_dropout"]


def _flat(layers: Any) -> list[Any]:
    if isinstance(layers, (list, tuple)):
        return [inner for layer in layers for inner in _flat(layer)]
    return [layers]
