"""Having means of the weights scored, kept and saved."""

from __future__ import annotations

from typing import Any

import keras

from tfreg import _compat


class AveragedWeights(keras.callbacks.Callback):
    """Puts an optimiser's averages where the weights are, between epochs.

    From the validation of an epoch (or its end) until the next one begins, the model
    has the means: dev scores, the best epoch of early stopping, checkpoints and the
    fitted model are theirs, while training goes on with the weights. It must come
    before the callbacks that look at weights, as in `fit` of a tfreg model it does.

    Keras's own ways do not do this. With ``use_ema`` dev scores are those of the raw
    weights, and `EarlyStopping`, which comes last, puts raw weights over the means.
    `SwapEMAWeights` ends a fit that stops early on raw weights (where the best ones are
    not restored), and rounds both sets of weights each time it swaps them.

    Example:
        >>> model.compile(AdamW(ema=0.99))  # doctest: +SKIP
        >>> model.fit(x, y, callbacks=[AveragedWeights()])  # doctest: +SKIP
    """

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._show(False)

    def on_test_begin(self, logs: Any = None) -> None:
        self._show(True)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._show(True)

    def _show(self, wanted: bool) -> None:
        _compat.inner_optimizer(self.model.optimizer).averages.show(wanted)
