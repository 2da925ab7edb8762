"""Telling the data which epoch it is."""

from __future__ import annotations

from typing import Any

import keras


class EpochClock(keras.callbacks.Callback):
    """Sets ``batches.epoch`` before each epoch, which decides the order of its rows.

    Counting passes instead would be wrong: Keras also starts iterators to look at a
    first batch, and a resumed fit starts at a later epoch.

    Args:
        batches: what has an ``epoch``, as `tfreg.data.batches.Batches` and
            `tfreg.data.slices.Slices`.
    """

    def __init__(self, batches: Any) -> None:
        super().__init__()
        self.batches = batches

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.batches.epoch = epoch
