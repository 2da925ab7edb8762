"""Scores from a confusion matrix: F1 averages and the Matthews correlation."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfreg import _compat
from tfreg._checks import check_integer
from tfreg.metrics._targets import flatten


class _Confusion(keras.metrics.Metric):
    """Counts by true (rows) and predicted class (columns).

    Single-label: one matrix (classes, classes). Multi-label: for each class a matrix of
    absent and present, (classes, 2, 2), as scikit-learn's
    `multilabel_confusion_matrix`.
    """

    def __init__(
        self, num_classes: int, *, multi_label: bool = False, name: str, dtype: Any
    ):
        super().__init__(name=name, dtype=dtype)
        self.num_classes = check_integer("num_classes", num_classes, low=1)
        self.multi_label = bool(multi_label)
        shape = (num_classes, 2, 2) if multi_label else (num_classes, num_classes)
        self.counts = self.add_variable(shape, "zeros", dtype="float32", name="counts")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch."""
        y_true, y_pred = map(ops.convert_to_tensor, (y_true, y_pred))
        truth, logits, weight = flatten(
            y_true, y_pred, sample_weight, multi_label=self.multi_label
        )
        if self.multi_label:
            offset = 4 * ops.arange(self.num_classes, dtype="int32")
            present = ops.cast(truth > 0.5, "int32")
            cell = offset + 2 * present + ops.cast(logits > 0, "int32")
            weight = ops.expand_dims(weight, -1) * ops.ones_like(logits)
            cell, weight = ops.reshape(cell, (-1,)), ops.reshape(weight, (-1,))
        else:
            cell = self.num_classes * truth + _compat.largest(logits)
        shape = self.counts.shape
        size = 4 * self.num_classes if self.multi_label else self.num_classes**2
        counts = ops.segment_sum(weight, cell, num_segments=size)
        self.counts.assign_add(ops.reshape(counts, shape))

    def get_config(self):
        """Constructor arguments."""
        config = {"num_classes": self.num_classes, "multi_label": self.multi_label}
        return {**super().get_config(), **config}

    def _matched_predicted_true(self):
        """Three float32 counts a class."""
        counts = ops.convert_to_tensor(self.counts)
        if self.multi_label:
            matched = counts[:, 1, 1]
            return matched, counts[:, 0, 1] + matched, counts[:, 1, 0] + matched
        predicted, true = ops.sum(counts, axis=0), ops.sum(counts, axis=1)
        return ops.diagonal(counts), predicted, true


@keras.saving.register_keras_serializable("tfreg")
class MacroF1(_Confusion):
    """Plain mean over classes of F1 = 2·matched / (predicted + true).

    Equals scikit-learn's `f1_score(average="macro", zero_division=0)`: single-label,
    classes that are neither true nor predicted anywhere are left out; multi-label, all
    classes count, and one that is nowhere has F1 0.

    Args:
        num_classes: At least 1.
        multi_label: Whether a row may have several classes or none.
        name: Name in logs.
        dtype: As for every Keras metric; the state is float32 whatever it is.

    Raises:
        InputError: If `num_classes` is not a positive integer.

    Shapes and `sample_weight` as for `MaskedAccuracy`.

    Example:
        >>> score = MacroF1(3)
        >>> score.update_state([0, 1, -1], [[2.0, 1, 0], [2.0, 1, 0], [0.0, 0, 2]])
        >>> round(float(score.result()), 4)
        0.3333
    """

    def __init__(
        self,
        num_classes: int,
        multi_label: bool = False,
        name: str = "macro_f1",
        dtype: Any = None,
    ):
        super().__init__(num_classes, multi_label=multi_label, name=name, dtype=dtype)

    def result(self):
        """The score so far, a float32 scalar; 0 before the first row."""
        matched, predicted, true = self._matched_predicted_true()
        either = predicted + true
        f1 = ops.divide_no_nan(2 * matched, either)
        if self.multi_label:
            return ops.mean(f1)
        present = ops.cast(either > 0, "float32")
        return ops.divide_no_nan(ops.sum(f1), ops.sum(present))


@keras.saving.register_keras_serializable("tfreg")
class WeightedF1(_Confusion):
    """Mean over classes of F1, each weighing its number of true rows.

    Equals scikit-learn's `f1_score(average="weighted", zero_division=0)`. Arguments,
    shapes and errors as for `MacroF1`.

    Example:
        >>> score = WeightedF1(2)
        >>> score.update_state([0, 0, 1], [[2.0, 1], [2.0, 1], [2.0, 1]])
        >>> round(float(score.result()), 4)
        0.5333
    """

    def __init__(
        self,
        num_classes: int,
        multi_label: bool = False,
        name: str = "weighted_f1",
        dtype: Any = None,
    ):
        super().__init__(num_classes, multi_label=multi_label, name=name, dtype=dtype)

    def result(self):
        """The score so far, a float32 scalar; 0 without a true row."""
        matched, predicted, true = self._matched_predicted_true()
        f1 = ops.divide_no_nan(2 * matched, predicted + true)
        return ops.divide_no_nan(ops.sum(f1 * true), ops.sum(true))


@keras.saving.register_keras_serializable("tfreg")
class MatthewsCorrelation(_Confusion):
    """Correlation of true and predicted class, -1 to 1; 0 if either is constant.

    cov(t, p) / √(cov(t, t)·cov(p, p)) with t, p the one-hot rows and cov summed over
    classes; equals scikit-learn's `matthews_corrcoef`. Multi-label: the plain mean of
    the classes' own (absent, present) correlations. Arguments, shapes and errors as
    for `MacroF1`.

    Example:
        >>> score = MatthewsCorrelation(2)
        >>> score.update_state([0, 0, 1], [[2.0, 1], [2.0, 1], [1.0, 2]])
        >>> float(score.result())
        1.0
    """

    def __init__(
        self,
        num_classes: int,
        multi_label: bool = False,
        name: str = "mcc",
        dtype: Any = None,
    ):
        super().__init__(num_classes, multi_label=multi_label, name=name, dtype=dtype)

    def result(self):
        """The score so far, a float32 scalar."""
        # Differences of nearly equal numbers when one class is rare.
        counts = ops.cast(self.counts, _compat.widest_float())
        size = ops.sum(counts, axis=(-2, -1))
        right = ops.sum(ops.diagonal(counts, axis1=-2, axis2=-1), axis=-1)
        true, predicted = ops.sum(counts, axis=-1), ops.sum(counts, axis=-2)
        covariance = right * size - ops.sum(true * predicted, axis=-1)
        true_variance = size**2 - ops.sum(true**2, axis=-1)
        predicted_variance = size**2 - ops.sum(predicted**2, axis=-1)
        scale = ops.sqrt(true_variance) * ops.sqrt(predicted_variance)
        return ops.cast(ops.mean(ops.divide_no_nan(covariance, scale)), "float32")
