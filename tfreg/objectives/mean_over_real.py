"""What a loss is averaged over: what is real, wherever it was computed."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfreg import _compat


class MeanOverReal(keras.losses.Loss):
    """A loss that is the mean over what is real, on all replicas together.

    Keras averages over a replica's own rows, padding included when it is masked by
    weights; then what a penalty's strength means depends on how much was padded.
    """

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        y_pred = ops.cast(y_pred, "float32")
        values, real = self.call(y_true, y_pred)
        weights = real
        if sample_weight is not None:
            weight = ops.cast(sample_weight, "float32")
            if len(weight.shape) > len(real.shape):
                weight = ops.squeeze(weight, -1)  # (batch, 1) would become a square
            while len(weight.shape) < len(real.shape):  # one a text, for all its words
                weight = ops.expand_dims(weight, -1)
            weights = real * weight
        count = _compat.global_sum(ops.sum(real))
        return ops.sum(values * weights) / ops.maximum(count, 1.0)
