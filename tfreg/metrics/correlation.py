"""Pearson's correlation, exact over batches and replicas."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfreg import _compat
from tfreg.metrics._targets import row_weight, weighted_sum

# A variance below this share of the mean square is rounding, not variance.
_CONSTANT = {"float64": 1e-12, "float32": 1e-5}


@keras.saving.register_keras_serializable("tfreg")
class Pearson(keras.metrics.Metric):
    """Linear correlation of truth and prediction, -1 to 1; 0 if either is constant.

    (E[tp] - E[t]E[p]) / √((E[t²] - E[t]²)·(E[p²] - E[p]²)) over all rows seen, not a
    mean over batches. The state is the sums of t, p, t², p², tp and of the weights, in
    float64: sums add up over replicas, and float64 stands the subtraction. (On JAX it
    is float32 unless ``jax_enable_x64`` is set: with a spread below 0.3 % of the mean
    the score is then 0.)

    Args:
        name: Name in logs.
        dtype: As for every Keras metric; the state is as wide whatever it is.

    Call it with truth and prediction of shape (batch,) or (batch, 1). `sample_weight`:
    one a row; 0 leaves the row out.

    Example:
        >>> pearson = Pearson()
        >>> pearson.update_state([1.0, 2.0], [[5.0], [7.0]])
        >>> pearson.update_state([3.0], [[9.0]])
        >>> float(pearson.result())
        1.0
    """

    def __init__(self, name: str = "pearson", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        wide = _compat.widest_float()
        self.sums = self.add_variable((6,), "zeros", dtype=wide, name="sums")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch."""
        wide = self.sums.dtype
        true, pred = (ops.reshape(ops.cast(y, wide), (-1,)) for y in (y_true, y_pred))
        if sample_weight is not None:
            sample_weight = ops.reshape(sample_weight, (-1,))
        weight = ops.cast(row_weight(sample_weight, true), wide)
        terms = (ops.ones_like(true), true, pred, true**2, pred**2, true * pred)
        self.sums.assign_add(weighted_sum(ops.stack(terms), weight))

    def result(self):
        """The correlation so far, a float32 scalar."""
        sums = ops.convert_to_tensor(self.sums)
        _, true, pred, true_square, pred_square, product = ops.unstack(
            ops.divide_no_nan(sums, sums[0]), 6
        )
        true_variance = true_square - true**2
        pred_variance = pred_square - pred**2
        constant = _CONSTANT[self.sums.dtype]
        varies = ops.logical_and(
            true_variance > constant * true_square,
            pred_variance > constant * pred_square,
        )
        scale = ops.where(varies, true_variance * pred_variance, 1.0)
        value = ops.where(varies, (product - true * pred) / ops.sqrt(scale), 0.0)
        return ops.cast(value, "float32")
