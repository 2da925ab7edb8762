"""An encoder block whose residuals are added where they are normalised."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import keras_hub
from keras import ops

from tfreg import _compat
from tfreg.functional.add_norm import add_norm
from tfreg.functional.real_rows import AllRows, RealRows
from tfreg.layers.dropout import Dropout
from tfreg.layers.layer_normalization import LayerNormalization
from tfreg.layers.self_attention import SelfAttention


@keras.saving.register_keras_serializable("tfreg")
class TransformerEncoder(keras_hub.layers.TransformerEncoder):
    """KerasHub's TransformerEncoder, in fewer passes over memory.

    Dropout, residual and layer normalisation after attention and after the
    feed-forward block are one loop each. Normalised first, asked for attention
    scores, and on backends that fuse by themselves (JAX), it is KerasHub's.

    Where of its output only the first position is read, nothing else is computed inside
    `answering_first`: in the last block of a classifier, five sixths of its products.
    Told which positions are read (`tfreg.adapt.last_block`), it leaves out most others
    after attention; told which are real (`tfreg.adapt.real_pieces`), in training before
    it, too.

    Args:
        intermediate_dim, num_heads, **kwargs: as for
            `keras_hub.layers.TransformerEncoder`.

    Example:
        >>> block = TransformerEncoder(intermediate_dim=16, num_heads=2)
        >>> block(keras.ops.ones((2, 5, 8))).shape
        TensorShape([2, 5, 8])

    Vaswani et al. (2017), "Attention Is All You Need", section 3.1.
    """

    first_only = False  # set by `answering_first`
    real: RealRows | None = None  # set by `tfreg.adapt.real_pieces`
    read: RealRows | None = None  # set by `tfreg.adapt.last_block`

    @property
    def leaves_out(self) -> bool:
        """Whether it can leave out positions that it is told of."""
        attention = _compat.encoder_layers(self).attention
        return (
            self.is_fused
            and isinstance(attention, SelfAttention)
            and attention.is_fused
        )

    @property
    def is_fused(self) -> bool:
        """Whether it is more than KerasHub's."""
        inner = _compat.encoder_layers(self)
        return (
            all(type(layer) is Dropout and layer.rate < 1 for layer in inner.dropouts)
            and all(type(layer) is LayerNormalization for layer in inner.norms)
            and all(layer.scale and layer.center for layer in inner.norms)
            and not self.normalize_first
            and _compat.on_tensorflow()
        )

    @contextmanager
    def answering_first(self) -> Iterator[None]:
        """Inside, it answers for the first position alone: (batch, 1, width).

        Where it is KerasHub's, for all. Only a forward pass may stand inside.
        """
        self.first_only = True
        try:
            yield
        finally:
            self.first_only = False

    def call(
        self,
        inputs: Any,
        padding_mask: Any = None,
        attention_mask: Any = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
    ) -> Any:
        inner = _compat.encoder_layers(self)
        if not self.is_fused or return_attention_scores:
            return super().call(
                inputs,
                padding_mask=padding_mask,
                attention_mask=attention_mask,
                training=training,
                return_attention_scores=return_attention_scores,
            )

        def add(x: Any, residual: Any, which: int) -> Any:
            dropout, norm = inner.dropouts[which], inner.norms[which]
            rate = dropout.rate if training else 0.0
            return add_norm(
                x,
                residual,
                norm.gamma,
                norm.beta,
                norm.epsilon,
                rate,
                dropout.key() if rate else None,
                training,
            )

        query, attention = inputs, inner.attention
        mask = _compat.attention_mask(inputs, padding_mask, attention_mask)
        if self.first_only:
            query = ops.expand_dims(inputs[:, 0], 1)  # one, also where lengths are open
            mask = mask if mask is None else mask[:, :1]
        masked = padding_mask is not None and attention_mask is None
        if self.leaves_out and not self.first_only:
            seen = (training and masked and self.real) or _all_rows(query)
            rows, kept = self.read or seen, seen.keep(inputs)
            x = attention.of_kept(kept, seen, mask, training, rows)
            query = kept if rows is seen else rows.keep(inputs)
        else:
            rows = _all_rows(query)
            x = attention(query, inputs, attention_mask=mask, training=training)
            query, x = rows.keep(query), rows.keep(x)
        query = add(x, query, 0)
        return rows.spread(add(inner.output(inner.intermediate(query)), query, 1))


def _all_rows(x: Any) -> AllRows:
    return AllRows(ops.shape(x)[:2])
