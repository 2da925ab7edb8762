"""Attention of a sequence to itself, by one product for queries, keys and values."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from tfreg import _compat
from tfreg.functional.affine import biased
from tfreg.functional.attention import attend, in_heads
from tfreg.functional.real_rows import AllRows, RealRows
from tfreg.functional.shapes import as_rows, shape_of
from tfreg.layers.einsum_dense import EinsumDense
from tfreg.layers.kernel_noise import kernel_of
from tfreg.layers.lora import LoRAEinsumDense


@keras.saving.register_keras_serializable("tfreg")
class SelfAttention(keras.layers.MultiHeadAttention):
    """Keras's MultiHeadAttention, in fewer operations where query and value are one.

    With other arguments than an encoder gives it, and on backends that fuse by
    themselves (JAX), it is Keras's.

    Args:
        num_heads, key_dim, **kwargs: as for `keras.layers.MultiHeadAttention`.

    Example:
        >>> x = keras.ops.ones((2, 5, 8))
        >>> SelfAttention(num_heads=2, key_dim=4)(x, x).shape
        TensorShape([2, 5, 8])

    Vaswani et al. (2017), "Attention Is All You Need".
    """

    rows: tuple[AllRows | RealRows, AllRows | RealRows] | None = None  # in `of_kept`

    @property
    def is_fused(self) -> bool:
        """Whether its projections are one product: they do no more, on TensorFlow."""
        inner = _compat.attention_layers(self)
        fused = inner is not None and all(map(_only_projects, inner[:3]))
        return fused and _compat.on_tensorflow()

    def of_kept(
        self,
        x: Any,
        rows: AllRows | RealRows,
        mask: Any,
        training: bool | None,
        read: AllRows | RealRows,
    ) -> Any:
        """The same for some positions, of some positions, if it is fused.

        Args:
            x: what `rows` keeps of the sequence.
            rows: which positions are seen.
            mask, training: as in a call.
            read: which positions it answers for.
        """
        self.rows = rows, read
        try:
            return self(x, x, attention_mask=mask, training=training)
        finally:
            self.rows = None

    def call(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        attention_mask: Any = None,
        training: bool | None = None,
        **kwargs: Any,
    ) -> Any:
        asked = any(x is not None and x is not False for x in kwargs.values())
        plain = query is value and key is None and not asked
        if not (plain and self.is_fused):
            return super().call(
                query,
                value,
                key=key,
                attention_mask=attention_mask,
                training=training,
                **kwargs,
            )
        inner = _compat.attention_layers(self)
        assert inner is not None
        *projections, output, dropout = inner
        if not training and _compat.fuses_products(query):
            heads = [self._apart(layer, query, training) for layer in projections]
        else:
            heads = self._together(projections, query, training)
        queries, keys, values = heads

        def drop(weights: Any) -> Any:
            return dropout(weights, training=training)

        x = attend(queries, keys, values, attention_mask, drop)
        if self.rows is None:
            return output(x)
        # Built for four axes, it takes no less.
        x = ops.expand_dims(self.rows[1].keep(x), 0)
        return ops.squeeze(output(x), 0)

    def _together(
        self, projections: list[Any], query: Any, training: bool | None
    ) -> list[Any]:
        """Queries, keys and values in heads, of one product."""
        shape = shape_of(query)
        x = _project(as_rows(query, query.shape[-1]), projections, training)
        bias = None
        if projections[0].bias is not None:
            biases = [layer.bias for layer in projections]
            bias = ops.reshape(_side_by_side(biases, 0), (-1,))
        x = biased(x, bias, (*shape[:-1], x.shape[-1]), training)
        if self.rows is None:
            return in_heads(x, self.num_heads)
        seen = self.rows[0]
        return in_heads(seen.spread(x), self.num_heads, seen.shape)

    def _apart(self, layer: Any, query: Any, training: bool | None) -> Any:
        """One of them, by a product of its own: its kernel may be packed as it is."""
        if self.rows is None:
            x = layer(query, training=training)
        else:  # built for three axes, it takes no less
            x = layer(ops.expand_dims(query, 0), training=training)
            x = self.rows[0].spread(ops.squeeze(x, 0))
        return ops.transpose(x, (0, 2, 1, 3))


def _only_projects(layer: Any) -> bool:
    """Whether nothing is lost if its weights are read and it is not called."""
    plain = layer.activity_regularizer is None and layer.quantization_mode is None
    return type(layer) in (EinsumDense, LoRAEinsumDense) and plain


def _side_by_side(parts: list[Any], axis: int) -> Any:
    """Arrays as one, whose shape does not matter.

    Where they are alike, by an operation whose gradient is one operation, not ten.
    """
    alike = all(part.shape == parts[0].shape for part in parts)
    return _compat.stacked(parts, axis) if alike else ops.concatenate(parts, axis)


def _project(x: Any, projections: list[Any], training: bool | None) -> Any:
    """What comes out of all projections, side by side, by one product."""
    kernels = [kernel_of(layer, training) for layer in projections]
    widths = [math.prod(kernel.shape[1:]) for kernel in kernels]
    kernel = _side_by_side(kernels, 1)
    y = ops.matmul(x, ops.reshape(kernel, (kernel.shape[0], sum(widths))))
    factors = []
    for i, layer in enumerate(projections):
        if isinstance(layer, LoRAEinsumDense):
            beside = ((0, 0), (sum(widths[:i]), sum(widths[i + 1 :])))
            b = ops.multiply(layer.lora.b, layer.lora.scale)
            factors.append((layer.lora.a, ops.pad(b, beside)))
    if not factors:
        return y
    a, b = zip(*factors)
    return ops.add(
        y, ops.matmul(ops.matmul(x, ops.concatenate(a, 1)), ops.concatenate(b, 0))
    )
