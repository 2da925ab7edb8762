"""The epochs of one `fit` of Keras, each when it is asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
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
        self._asked = threading.Semaphore(0)
        self._done: SimpleQueue[BaseException | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, args=(fit,), daemon=True)

    def _run(self, fit: Callable[[Any], Any]) -> None:
        end: BaseException = StopIteration("no epochs left")
        try:
            fit(self)
        except BaseException as error:
            end = error
        self._done.put(end)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Wait until it is asked for."""
        self._asked.acquire()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Say that it is done."""
        self._done.put(None)

    def next(self) -> None:
        """One epoch, from its beginning to its end.

        Raises:
            RuntimeError: the fit failed, or has no epochs left.
        """
        if self._thread.ident is None:
            self._thread.start()
        self._asked.release()
        end = self._done.get()
        if end is not None:
            self._done.put(end)  # for who asks again
            raise RuntimeError("the fit has no further epoch") from end
