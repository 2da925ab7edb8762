"""Epochs that begin in their middle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def beginning_at(step: int) -> Iterator[None]:
    """Have the fit inside begin its first epoch at a later step.

    Keras counts the steps of an epoch from 0 whatever was done before. The data gives
    the batches that are left, and none after them.
    """
    if not step:
        yield
        return
    from keras.src.backend.tensorflow import trainer  # not on another backend

    original = trainer.TFEpochIterator
    rest = [step]

    # A base that is a variable: Keras's class is found when the fit begins.
    class Later(original):  # type: ignore[misc, valid-type]
        """Leaves out the first steps of the first epoch, once."""

        _first = 0

        def reset(self) -> None:
            # Before this, Keras looks at a batch to build what is not built.
            super().reset()
            self._first = rest.pop() if rest else 0

        def _enumerate_iterator(self) -> Iterator[Any]:
            first, self._first = self._first, 0
            for begin, end, iterator in super()._enumerate_iterator():
                if begin >= first:
                    yield begin, end, iterator

    trainer.TFEpochIterator = Later
    try:
        yield
    finally:
        trainer.TFEpochIterator = original
