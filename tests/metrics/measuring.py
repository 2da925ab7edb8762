"""What the tests of all metrics share."""

from __future__ import annotations

import keras
import numpy as np


def total(metric, batches):
    """The result after `batches` of (truth, logits[, sample_weight])."""
    metric.reset_state()
    for batch in batches:
        metric.update_state(*batch)
    return float(metric.result())


def cut(sizes, *arrays):
    """The arrays as batches of these sizes."""
    starts = np.cumsum([0, *sizes])
    return [tuple(a[i:j] for a in arrays) for i, j in zip(starts, starts[1:])]


class Echo(keras.Model):
    """A model whose logits are its input, so that only metrics are at work."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.scale = self.add_weight(shape=(), initializer="ones")

    def call(self, x):
        return x * self.scale


def fitted(metric, x, y, *, batch_size, sample_weight=None, **compile_options):
    """The metric's number from `evaluate` after compiling an `Echo` with it."""
    model = Echo()
    model.compile(
        loss=ZeroLoss(), optimizer="sgd", weighted_metrics=[metric], **compile_options
    )
    logs = model.evaluate(
        x,
        y,
        batch_size=batch_size,
        sample_weight=sample_weight,
        return_dict=True,
        verbose=0,
    )
    return logs[metric.name]


class ZeroLoss(keras.losses.Loss):
    """Nothing to learn, of any shape of logits."""

    def call(self, y_true, y_pred):
        return 0.0 * keras.ops.sum(y_pred, axis=range(1, len(y_pred.shape)))
