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

    A subclass gives the values in `call`, a number for each position, and says in
    `real` which targets are real, if not all are.
    """

    def real(self, y_true: Any) -> Any:
        """1 for each target that counts and 0 for the others, in float32."""
        return ops.ones(ops.shape(ops.convert_to_tensor(y_true))[:1], "float32")

    def count(self, y_true: Any) -> Any:
        """How many targets this is the mean over, on all replicas together."""
        return _compat.global_sum(ops.sum(self.real(y_true)))

    def mean(self, values: Any, y_true: Any) -> Any:
        """The sum of a number for each position, over the real ones, by their count."""
        real = ops.reshape(self.real(y_true), ops.shape(values))
        return ops.sum(values * real) / ops.maximum(self.count(y_true), 1.0)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        values = self.call(y_true, ops.cast(y_pred, "float32"))
        return self.mean(weigh(values, sample_weight), y_true)


def weigh(values: Any, sample_weight: Any) -> Any:
    """A number for each position, times its weight or that of its text.

    Args:
        values: (batch,) or (batch, words).
        sample_weight: of the same shape, (batch,) or (batch, 1); None for 1.
    """
    if sample_weight is None:
        return values
    weight = ops.cast(sample_weight, "float32")
    if len(weight.shape) > len(values.shape):
        weight = ops.squeeze(weight, -1)  # (batch, 1) would become a square
    while len(weight.shape) < len(values.shape):  # one a text, for all its words
        weight = ops.expand_dims(weight, -1)
    return values * weight
