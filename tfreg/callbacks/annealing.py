"""What rises while a fit goes on."""

from __future__ import annotations

from typing import Any

import keras


class Annealing(keras.callbacks.Callback):
    """Sets a variable to the share of a fit's steps that is done, from 0 to 1.

    Step t of T, counted from 1, sees t/T. The steps of one execution (Keras's
    ``steps_per_execution``) see what its first one does; on JAX, which keeps its state
    to itself while an epoch runs, all steps of an epoch.

    Args:
        variable: a scalar that the training step reads.
        steps: of an epoch.
        epochs: of the whole fit.
    """

    def __init__(self, variable: Any, steps: int, epochs: int) -> None:
        super().__init__()
        self.variable = variable
        self.steps = steps
        self.epochs = epochs
        self._before = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._before = epoch * self.steps

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        done = (self._before + batch + 1) / (self.epochs * self.steps)
        self.variable.assign(min(done, 1.0))
