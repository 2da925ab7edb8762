"""One vector a text, for backbones without a pooler."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("tfreg")
class MaskedMean(keras.layers.Layer):
    """Mean of the sequence output over the real pieces.

    h = Σ_t m_t·x_t / max(Σ_t m_t, 1), summed in float32.

    Shapes:
        inputs: (batch, pieces, width), and the padding mask (batch, pieces), 1 where
            real.
        output: (batch, width), in the dtype of the layer.

    Example:
        >>> mask = keras.ops.convert_to_tensor([[1, 1, 0]])
        >>> float(MaskedMean()(keras.ops.ones((1, 3, 2)), mask)[0, 0])
        1.0
    """

    def call(self, sequence: Any, padding_mask: Any) -> Any:
        mask = ops.expand_dims(ops.cast(padding_mask, "float32"), -1)
        total = ops.sum(ops.cast(sequence, "float32") * mask, axis=1)
        mean = total / ops.maximum(ops.sum(mask, axis=1), 1.0)
        return ops.cast(mean, self.compute_dtype)

    def compute_output_shape(self, sequence_shape: Any, padding_mask_shape: Any) -> Any:
        return (sequence_shape[0], sequence_shape[2])
