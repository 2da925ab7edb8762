"""The layers inside KerasHub's encoders, which have no public names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import keras


def dropouts(layers: Iterable[Any]) -> list[tuple[str, Any]]:
    """All dropout below some layers: ("hidden" or "attention", what to set).

    Keras's attention keeps its rate twice: in a private number that decides which
    kernel runs, and in a private layer.
    """
    inner = [found for layer in layers for found in layer._flatten_layers()]
    attentions = [x for x in inner if isinstance(x, keras.layers.MultiHeadAttention)]
    owned = {id(attention._dropout_layer) for attention in attentions}
    result: list[tuple[str, Any]] = [("attention", x) for x in attentions]
    for layer in inner:
        if isinstance(layer, keras.layers.Dropout) and id(layer) not in owned:
            kind = "attention" if layer.name == "attention_dropout" else "hidden"
            result.append((kind, layer))
    return result


def dropout_rate(dropout: Any) -> float:
    """The rate of what `dropouts` found."""
    if isinstance(dropout, keras.layers.MultiHeadAttention):
        return dropout._dropout
    return dropout.rate


def give_seeds(dropout: Any, seed: int | None = None) -> None:
    """Give a dropout built at rate 0 the random state that it lacks.

    Without it it crashes when its rate is raised; Keras has locked the layer by then.
    """
    if hasattr(dropout, "seed_generator"):
        return
    seed = dropout.seed if seed is None else seed
    dropout._tracker.unlock()
    dropout.seed_generator = keras.random.SeedGenerator(seed)
    dropout._tracker.lock()


def set_dropout_rate(dropout: Any, rate: float) -> None:
    """Set the rate of what `dropouts` found."""
    if isinstance(dropout, keras.layers.MultiHeadAttention):
        dropout._dropout = rate
        dropout = dropout._dropout_layer
    if rate > 0:
        give_seeds(dropout)
    dropout.rate = rate


def replace_dropout(dropout: Any, cls: type) -> None:
    """Make what `dropouts` found, built as it is, an instance of a subclass.

    A dropout inside a functional graph or an attention cannot be exchanged for
    another layer: its place is held by the graph's node and by private names.
    """
    if isinstance(dropout, keras.layers.MultiHeadAttention):
        dropout = dropout._dropout_layer
    if type(dropout) is keras.layers.Dropout:
        dropout.__class__ = cls


def attach(layer: Any, name: str, inner: Any, cls: type) -> None:
    """Make a built layer one of a subclass that has one more layer inside.

    It cannot be exchanged for another (see `replace_dropout`), and Keras has locked it
    against new parts. The inner layer is still to be built.
    """
    inner._parent_path = layer.path
    layer._tracker.unlock()
    setattr(layer, name, inner)
    layer._tracker.lock()
    layer.__class__ = cls


def detach(layer: Any, name: str, cls: type) -> None:
    """Undo `attach`: the layer is of its former class, without the inner layer."""
    layer._tracker.untrack(getattr(layer, name))
    delattr(layer, name)
    layer.__class__ = cls


def attention_layers(attention: Any) -> tuple[Any, ...] | None:
    """Query, key, value and output projections of an attention, and its dropout.

    None where it is more than the scaled dot product of three projections alike.
    """
    dense = (attention._query_dense, attention._key_dense, attention._value_dense)
    alike = len({tuple(layer.kernel.shape) for layer in dense}) == 1
    more = attention._use_gate or attention._sliding_window
    if more or not alike or len(dense[0].kernel.shape) != 3:
        return None
    return (*dense, attention._output_dense, attention._dropout_layer)


class EncoderLayers(NamedTuple):
    """The layers of KerasHub's encoder block; after attention, after feed-forward."""

    attention: Any
    intermediate: Any
    output: Any
    dropouts: tuple[Any, Any]
    norms: tuple[Any, Any]


def encoder_layers(block: Any) -> EncoderLayers:
    """The layers inside a `keras_hub.layers.TransformerEncoder`."""
    return EncoderLayers(
        attention=block._self_attention_layer,
        intermediate=block._feedforward_intermediate_dense,
        output=block._feedforward_output_dense,
        dropouts=(block._self_attention_dropout, block._feedforward_dropout),
        norms=(block._self_attention_layer_norm, block._feedforward_layer_norm),
    )


def attention_mask(inputs: Any, padding_mask: Any, attention_mask: Any) -> Any:
    """KerasHub's one mask of two."""
    from keras_hub.src.layers.modeling.transformer_layer_utils import (
        merge_padding_and_attention_mask,
    )

    return merge_padding_and_attention_mask(inputs, padding_mask, attention_mask)


def nested_layers(layer: Any) -> list[Any]:
    """All layers inside a layer or model, at any depth, without itself."""
    return list(layer._flatten_layers(include_self=False, recursive=True))
