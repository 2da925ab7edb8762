"""Cross-entropy from logits, over texts or over the real words of texts."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfreg._checks import check_number
from tfreg.objectives.mean_over_real import MeanOverReal


# The score of the same name is registered under it already.
@keras.saving.register_keras_serializable("tfreg", "CrossEntropyLoss")
class CrossEntropy(MeanOverReal):
    """Softmax cross-entropy on label ids.

    L = 1/N·Σ_i w_i·[−(1−s)·log p_i(y_i) − s/C·Σ_c log p_i(c)], over the N positions
    that are real (id ≥ 0), on all replicas together; w_i are sample or class weights
    (1 without); s is the label smoothing; C the number of labels. In float32.

    Args:
        label_smoothing: s, in [0, 1); defaults to 0.

    Shapes:
        y_true: integer ids, (batch,) or (batch, words); −1 is not counted, and an id
            of C or more makes the loss NaN.
        y_pred: logits, (..., C).

    Example:
        >>> loss = CrossEntropy()
        >>> round(float(loss([[0, -1]], [[[0.0, 0.0], [9.0, 0.0]]])), 4)
        0.6931

    Szegedy et al. (2016), "Rethinking the Inception Architecture for Computer Vision",
    section 7, for the smoothing: (1 − s) on the label, s spread evenly over all C.
    """

    def __init__(self, label_smoothing: float = 0.0, name: str = "cross_entropy"):
        super().__init__(name=name)
        self.label_smoothing = check_number(
            "label_smoothing", label_smoothing, low=0, high=1, open_high=True
        )

    def real(self, y_true: Any) -> Any:
        return ops.cast(ops.convert_to_tensor(y_true) >= 0, "float32")

    def call(self, y_true: Any, y_pred: Any) -> Any:
        logits = ops.convert_to_tensor(y_pred)
        ids = ops.cast(ops.convert_to_tensor(y_true), "int32")
        ids = ops.reshape(ids, ops.shape(logits)[:-1])  # (batch, 1) labels are usual
        logs = ops.log_softmax(logits, axis=-1)
        chosen = ops.one_hot(ops.maximum(ids, 0), logits.shape[-1], dtype="float32")
        values = -ops.sum(chosen * logs, axis=-1)
        if self.label_smoothing:
            spread = -ops.mean(logs, axis=-1)
            s = self.label_smoothing
            values = (1.0 - s) * values + s * spread
        return ops.where(ids < logits.shape[-1], values, float("nan"))

    def get_config(self) -> dict[str, Any]:
        return {"label_smoothing": self.label_smoothing, "name": self.name}


@keras.saving.register_keras_serializable("tfreg")
class BinaryCrossEntropy(MeanOverReal):
    """Sigmoid cross-entropy for texts with any number of labels.

    L = 1/N·Σ_i w_i·1/C·Σ_c −[t_ic·log σ(z_ic) + (1−t_ic)·log(1−σ(z_ic))] with targets
    t = y·(1−s) + s/2. In float32.

    Args:
        label_smoothing: s, in [0, 1); defaults to 0.

    Shapes:
        y_true: 0 or 1, (batch, C).
        y_pred: logits, (batch, C).

    Example:
        >>> round(float(BinaryCrossEntropy()([[1.0, 0.0]], [[0.0, 0.0]])), 4)
        0.6931
    """

    def __init__(
        self, label_smoothing: float = 0.0, name: str = "binary_cross_entropy"
    ):
        super().__init__(name=name)
        self.label_smoothing = check_number(
            "label_smoothing", label_smoothing, low=0, high=1, open_high=True
        )

    def call(self, y_true: Any, y_pred: Any) -> Any:
        targets = ops.reshape(ops.cast(y_true, "float32"), ops.shape(y_pred))
        targets = targets * (1.0 - self.label_smoothing) + self.label_smoothing / 2
        values = ops.softplus(y_pred) - targets * y_pred
        return ops.mean(values, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {"label_smoothing": self.label_smoothing, "name": self.name}
