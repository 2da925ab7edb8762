"""One vector a text: the largest value of each feature."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("tfreg")
class MaskedMax(keras.layers.Layer):
    """Largest value over the real pieces, feature by feature.

    Of equal ones the first has the gradient.

    Shapes:
        inputs: (batch, pieces, width), and the padding mask (batch, pieces), 1 where
            real.
        output: (batch, width), in the dtype of the layer; 0 where no piece is real.

    Example:
        >>> mask = keras.ops.convert_to_tensor([[1, 1, 0]])
        >>> sequence = keras.ops.reshape(keras.ops.arange(3.0), (1, 3, 1))
        >>> float(MaskedMax()(sequence, mask)[0, 0])
        1.0
    """

    def call(self, sequence: Any, padding_mask: Any) -> Any:
        real = ops.expand_dims(ops.cast(padding_mask, "bool"), -1)
        least = ops.cast(-3e4, sequence.dtype)  # below any feature, also in float16
        masked = ops.where(real, sequence, least)
        # By place: XLA may compute a feature twice, not alike to the last bit, and then
        # the gradient of `max` finds no piece that equals the largest: 0/0.
        place = ops.argmax(masked, axis=1, keepdims=True)
        largest = ops.squeeze(ops.take_along_axis(masked, place, axis=1), axis=1)
        return ops.where(ops.any(real, axis=1), largest, ops.zeros_like(largest))

    def compute_output_shape(self, sequence_shape: Any, padding_mask_shape: Any) -> Any:
        return (sequence_shape[0], sequence_shape[2])
