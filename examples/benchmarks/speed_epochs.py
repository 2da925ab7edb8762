"""The epochs of one `fit` of Keras, each when it is asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import keras


class Epochs(keras.callbacks.Callback):
    """One fit, in a thread of its own, that waits before each epoch.

    People fit several epochs at once, so what a fit does once (padded lengths that fit
    the data, a traced step) belongs to all of them.

    Args:
        fit: fits, with this as one of its callbacks.

    Example:
        >>> epochs = Epochs(lambda own: model.fit(x, y, epochs=6, callbacks=[own]))
        >>> epochs.next()
    """

    def __init__(self, fit: Callable[[Any], Any]) -> None:
        super().__init__()
        self._asked, self._done = threading.Semaphore(0), threading.Semaphore(0)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(fit,), daemon=True)

    def _run(self, fit: Callable[[Any], Any]) -> None:
        try:
            fit(self)
        except BaseException as error:
            self._error = error
        self._done.release()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Wait until it is asked for."""
        self._asked.acquire()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Say that it is done."""
        self._done.release()

    def next(self) -> None:
        """One epoch, from its beginning to its end.

        Raises:
            RuntimeError: the fit failed, or has no epochs left.
        """
        if self._thread.ident is None:
            self._thread.start()
        self._asked.release()
        self._done.acquire()
        if self._error is not None:
            raise RuntimeError("the fit failed") from self._error
