"""The same method in fewer passes over memory, in a built backbone."""

from __future__ import annotations

from typing import Any

import keras
import keras_hub

from tfreg import _compat, layers

_LEAN = {
    keras.layers.Dense: layers.Dense,
    keras.layers.EinsumDense: layers.EinsumDense,
    keras.layers.LayerNormalization: layers.LayerNormalization,
    keras.layers.MultiHeadAttention: layers.SelfAttention,
    keras_hub.layers.TransformerEncoder: layers.TransformerEncoder,
}
_IN_FLOAT32 = (keras.layers.Embedding, keras.layers.LayerNormalization)


def make_lean(backbone: Any) -> None:
    """Exchange what a backbone's layers run for cheaper ways to the same result.

    - `tfreg.layers.Dense`: bias and GELU are one loop, or part of the product.
    - `tfreg.layers.SelfAttention`: one product for queries, keys and values.
    - `tfreg.layers.TransformerEncoder`: dropout, residual and layer norm are one loop.
    - `tfreg.layers.Dropout`: the mask is hashed where it is used.
    - `tfreg.layers.EinsumDense`: attention's projections are one matrix product each.
    - `tfreg.layers.LayerNormalization`: its row means are products, and one loop.
    - Embedding tables are read in float32 and their rows cast, not the whole table
      (a cast of 11.7 million weights in every pass, and a gradient that bfloat16
      rounds before it is summed).

    Weights, names and configs stay as they are. Call it before anything is traced.

    Args:
        backbone: a KerasHub backbone.

    Example:
        >>> make_lean(backbone)
    """
    for _, dropout in _compat.dropouts([backbone]):
        _compat.replace_dropout(dropout, layers.Dropout)
    for layer in _compat.nested_layers(backbone):
        if type(layer) in _LEAN:
            layer.__class__ = _LEAN[type(layer)]
        if isinstance(layer, _IN_FLOAT32):
            layer.autocast = False
