"""One vector a text: a mean whose weights are learned."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("tfreg")
class AttentionPooling(keras.layers.Layer):
    """Mean of the sequence output over the real pieces, weighted by a learned query.

    h = Σ_t a_t·x_t with a = softmax over the real pieces of (q·x_t)/√width. The query q
    is 0 at the start, where h is the plain mean. Summed in float32.

    Shapes:
        inputs: (batch, pieces, width), and the padding mask (batch, pieces), 1 where
            real.
        output: (batch, width), in the dtype of the layer.

    Example:
        >>> mask = keras.ops.convert_to_tensor([[1, 1, 0]])
        >>> sequence = keras.ops.reshape(keras.ops.arange(3.0), (1, 3, 1))
        >>> float(AttentionPooling()(sequence, mask)[0, 0])
        0.5

    As Yang et al. (2016), "Hierarchical Attention Networks for Document
    Classification", equations 8-10, without their hidden layer.
    """

    def build(self, sequence_shape: Any, padding_mask_shape: Any = None) -> None:
        self.query = self.add_weight((sequence_shape[-1],), "zeros", name="query")

    def call(self, sequence: Any, padding_mask: Any) -> Any:
        sequence = ops.cast(sequence, "float32")
        query = ops.cast(self.query, "float32") / sequence.shape[-1] ** 0.5
        scores = ops.sum(sequence * query, axis=-1)
        weights = ops.softmax(ops.where(ops.cast(padding_mask, "bool"), scores, -1e9))
        pooled = ops.sum(ops.expand_dims(weights, -1) * sequence, axis=1)
        return ops.cast(pooled, self.compute_dtype)

    def compute_output_shape(self, sequence_shape: Any, padding_mask_shape: Any) -> Any:
        return (sequence_shape[0], sequence_shape[2])
