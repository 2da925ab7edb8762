"""Squared error, for regression."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfreg.objectives.mean_over_real import MeanOverReal


@keras.saving.register_keras_serializable("tfreg")
class SquaredError(MeanOverReal):
    """Mean squared error, over the rows of all replicas together.

    L = 1/N·Σ_i w_i·(y_i − ŷ_i)², in float32.

    Shapes:
        y_true: numbers, (batch,) or (batch, 1); y_pred: (batch, 1).

    Example:
        >>> float(SquaredError()([1.0, 3.0], [[1.0], [1.0]]))
        2.0
    """

    def __init__(self, name: str = "squared_error") -> None:
        super().__init__(name=name)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        prediction = ops.reshape(y_pred, (-1,))
        return ops.square(ops.reshape(ops.cast(y_true, "float32"), (-1,)) - prediction)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}
