"""Noise in training on the kernels and the embeddings of a built backbone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras

from tfreg import _compat
from tfreg._checks import InputError
from tfreg.adapt.penalise import Anchors
from tfreg.layers import DropConnect, EmbeddingNoise, Mixout, WeightNoise
from tfreg.selection import kernels

_KINDS: dict[str, Any] = {
    "mixout": Mixout,
    "dropconnect": DropConnect,
    "weight_noise": WeightNoise,
}
"""Noise on kernels in each pass, by its field in the recipe."""


def kernel_noise(recipe: Any) -> Any:
    """The layer that a recipe's kernels go through in training, or None.

    One layer serves all kernels. Its masks are the same on every replica, as if one
    device had the whole batch; each part of an accumulated batch has its own.

    Example:
        >>> from tfreg import Recipe
        >>> kernel_noise(Recipe(mixout=0.5)).rate
        0.5
    """
    for name, layer in _KINDS.items():
        given = getattr(recipe, name)
        if given:
            return layer(given, seed=recipe.seed_of(name), dtype="float32", name=name)
    return None


def check_targets(backbone: Any, recipe: Any, anchors: Anchors) -> None:
    """Refuse noise that has nothing to act on in a backbone, adapted and frozen.

    Raises:
        InputError: naming the field.
    """
    layers = _noisy_layers(backbone)
    for name in (*_KINDS, "noisy_tune"):
        if getattr(recipe, name) and not layers:
            raise InputError(f"`{name}`: the backbone has no kernel that trains")
    if recipe.mixout and not any(_has_start(layer, anchors) for layer in layers):
        raise InputError("`mixout`: no pretrained kernel trains")
    if recipe.embedding_noise and not _embedding_dropouts(backbone):
        raise InputError(
            f"`embedding_noise`: {type(backbone).__name__} has no dropout after its "
            "embeddings, where the noise would be put"
        )


def add_noise(backbone: Any, recipe: Any, noise: Any, anchors: Anchors) -> None:
    """Put a recipe's noise on what trains in a backbone.

    Layers in a functional graph, and the dropout in it, cannot be exchanged for
    others; they are given a function, and a class, of the same weights. At inference
    they do what they did. Call it last: after freezing and `make_lean`.

    Args:
        backbone: a KerasHub backbone.
        recipe: a `Recipe`.
        noise: of `kernel_noise`, owned by the model; None for none.
        anchors: the layer, owned by the model, that keeps anchor values.
    """
    for layer in _noisy_layers(backbone) if noise is not None else ():
        if isinstance(noise, Mixout):
            if _has_start(layer, anchors):
                layer.kernel_noise = _mixed(noise, anchors.hold(layer.kernel))
        else:
            layer.kernel_noise = partial(noise, training=True)
    for dropout in _embedding_dropouts(backbone) if recipe.embedding_noise else ():
        _compat.give_seeds(dropout, recipe.seed_of("embedding_noise"))
        dropout.__class__ = EmbeddingNoise
        dropout.stddev = recipe.embedding_noise


def _mixed(mixout: Mixout, anchor: Any) -> Callable[[Any], Any]:
    # A function, not a layer: Keras would count a layer's anchor as the backbone's.
    return lambda kernel: mixout(kernel, _compat.uncast(anchor), training=True)


def _noisy_layers(backbone: Any) -> list[Any]:
    """The layers of a backbone whose kernel trains."""
    return [
        layer
        for layer in _compat.nested_layers(backbone)
        if isinstance(layer, (keras.layers.Dense, keras.layers.EinsumDense))
        and kernels(layer.trainable_variables)
    ]


def _has_start(layer: Any, anchors: Anchors) -> bool:
    """Whether its kernel has a pretrained value to be put back to."""
    return layer.kernel.path not in anchors.without_start


def _embedding_dropouts(backbone: Any) -> list[Any]:
    return [layer for layer in backbone.layers if layer.name == "embeddings_dropout"]
