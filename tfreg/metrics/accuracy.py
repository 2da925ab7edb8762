"""Accuracy and cross-entropy over real rows and words only."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfreg import _compat
from tfreg.metrics._targets import flatten, is_multi_label, weighted_sum


class _Mean(keras.metrics.Metric):
    """Sum over real rows / number of real rows, over all batches and replicas."""

    def __init__(self, name: str, dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        # Two sums, divided only at the end: a mean of the batches' means would give
        # the words of a batch with much padding more than their share.
        self.total = self.add_variable((), "zeros", dtype="float32", name="total")
        self.count = self.add_variable((), "zeros", dtype="float32", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch."""
        y_true, y_pred = map(ops.convert_to_tensor, (y_true, y_pred))
        multi_label = is_multi_label(y_true, y_pred)
        truth, logits, weight = flatten(
            y_true, y_pred, sample_weight, multi_label=multi_label
        )
        values = self._values(truth, logits, multi_label)
        self.total.assign_add(weighted_sum(values, weight))
        self.count.assign_add(ops.sum(weight))

    def result(self):
        """The mean so far, a float32 scalar; 0 before the first real row."""
        return ops.divide_no_nan(self.total, self.count)

    def _values(self, truth, logits, multi_label):
        raise NotImplementedError


@keras.saving.register_keras_serializable("tfreg")
class MaskedAccuracy(_Mean):
    """Share of real rows (or words) whose largest logit is the true class.

    Multi-label: share of rows with every class right, a class being predicted if its
    logit is above 0 (probability above one half), as scikit-learn's `accuracy_score`.

    Args:
        name: Name in logs.
        dtype: As for every Keras metric; the state is float32 whatever it is.

    Call it with ids of shape (batch,) or (batch, length), below 0 where there is no
    word, and logits with one more axis; or, multi-label, with 0/1 and logits of shape
    (batch, classes). `sample_weight`: one a row, or one a word.

    Example:
        >>> accuracy = MaskedAccuracy()
        >>> accuracy.update_state([0, 1, -1], [[2.0, 1.0], [2.0, 1.0], [0.0, 0.0]])
        >>> float(accuracy.result())
        0.5
    """

    def __init__(self, name: str = "accuracy", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)

    def _values(self, truth, logits, multi_label):
        if multi_label:
            right = ops.all(ops.equal(logits > 0, truth > 0.5), axis=-1)
        else:
            right = ops.equal(_compat.largest(logits), truth)
        return ops.cast(right, "float32")


@keras.saving.register_keras_serializable("tfreg")
class CrossEntropy(_Mean):
    """Mean over real rows (or words) of -log softmax(logits)[true class], in nats.

    No label smoothing, no penalties: the number to compare fits by. Multi-label: the
    sigmoid cross-entropy, mean over classes, then over rows.

    Args:
        name: Name in logs.
        dtype: As for every Keras metric; the state is float32 whatever it is.

    Shapes and `sample_weight` as for `MaskedAccuracy`; computed from the logits in
    float32, finite for any finite logits.

    Example:
        >>> loss = CrossEntropy()
        >>> loss.update_state([1, -1], [[0.0, 0.0], [9.0, 0.0]])
        >>> round(float(loss.result()), 4)
        0.6931
    """

    def __init__(self, name: str = "cross_entropy", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)

    def _values(self, truth, logits, multi_label):
        if multi_label:
            losses = ops.binary_crossentropy(truth, logits, from_logits=True)
            return ops.mean(losses, axis=-1)
        return ops.sparse_categorical_crossentropy(truth, logits, from_logits=True)
