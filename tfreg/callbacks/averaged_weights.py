"""Having means of the weights scored, kept and saved."""

from __future__ import annotations

import warnings
from typing import Any

import keras

from tfreg import _compat
from tfreg._checks import DataWarning, InputError, check_integer


class AveragedWeights(keras.callbacks.Callback):
    """Puts the means that an optimiser keeps where the weights are, between epochs.

    From the validation of an epoch (or its end) until the next one begins, the model
    has the means: dev scores, the best epoch of early stopping, checkpoints and the
    fitted model are theirs, while training goes on with the weights. It must come
    before the callbacks that look at weights. `fit` of a tfreg model adds it, in front,
    where the optimiser averages.

    Keras's own ways do not do this. With ``use_ema`` dev scores are those of the raw
    weights, and `EarlyStopping`, which comes last, puts raw weights over the means.
    `SwapEMAWeights` ends a fit that stops early on raw weights (where the best ones are
    not restored), and rounds both sets of weights each time it swaps them.

    Args:
        steps: updates an epoch, at least 1; None (default) takes what Keras knows.
        step: with how many of them done its first epoch begins, at least 0 (default).

    Raises:
        InputError: when a fit begins: an optimiser that averages nothing, or data that
            does not say how many steps it has.

    Warns:
        DataWarning: when a fit ends before the first step that ``swa`` averages.

    Example:
        >>> model.compile(AdamW(ema=0.99))  # doctest: +SKIP
        >>> model.fit(x, y, callbacks=[AveragedWeights()])  # doctest: +SKIP
    """

    def __init__(self, steps: int | None = None, step: int = 0) -> None:
        super().__init__()
        self.steps = steps if steps is None else check_integer("steps", steps, low=1)
        self.step = check_integer("step", step, low=0)

    def on_train_begin(self, logs: Any = None) -> None:
        optimizer = _compat.inner_optimizer(self.model.optimizer)
        self._averages: Any = getattr(optimizer, "averages", None)
        if not self._averages:
            raise InputError(
                "`AveragedWeights` needs an optimizer that averages, as "
                "tfreg.optimizers.AdamW(ema=...) or (swa=...)"
            )
        self._begun = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if not self._begun:
            self._begin(epoch)
        self._averages.show(False)

    def on_test_begin(self, logs: Any = None) -> None:
        self._averages.show(True)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._averages.show(True)

    def on_train_end(self, logs: Any = None) -> None:
        if not self._begun:
            return
        missing = self._averages.waiting(_compat.iterations(self.model.optimizer))
        if missing > 0:
            warnings.warn(
                f"`swa={self._averages.swa}`: nothing was averaged, for the fit ended "
                f"{missing} steps before the first that is; take a larger share, fewer "
                "epochs, or no `patience`",
                DataWarning,
                stacklevel=2,
            )

    def _begin(self, epoch: int) -> None:
        """Begin the averages; a fit that goes on began so long before."""
        steps = self.steps or self.params["steps"]
        if steps is None:
            raise InputError(
                "`AveragedWeights(steps=...)` is needed: the data does not say how "
                "many steps an epoch has"
            )
        _compat.build_optimizer(self.model)
        done = _compat.iterations(self.model.optimizer)
        first = max(done - epoch * steps - self.step, 0)
        self._averages.begin(done, first, self.params["epochs"] * steps)
        self._begun = True
