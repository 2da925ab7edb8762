"""Logits of an encoded split, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from tfreg._checks import InputError
from tfreg.data.batches import Batches


def predict_batches(
    model: Any, batches: Batches, kwargs: dict[str, Any]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The row numbers of each batch, and its logits.

    Batches go to the model one by one: each has its own width, and a data set made
    anew for each chunk of an endless stream would leak a little every time.

    Args:
        model: a task model.
        batches: what to predict.
        kwargs: of Keras's `predict`; of these ``verbose`` is taken.

    Raises:
        InputError: other arguments, which would be ignored.
    """
    verbose = kwargs.pop("verbose", "auto")
    if kwargs:
        raise InputError(
            f"`predict` takes `{next(iter(kwargs))}` with a tf.data.Dataset only"
        )
    bar = keras.utils.Progbar(len(batches), verbose=0 if verbose in (0, "0") else 1)
    for rows in batches.order(0):
        (x,) = batches.collate(rows)[:1]
        # Under a strategy every replica answers for the whole batch.
        yield rows, np.asarray(model.predict_on_batch(x))[: len(rows)]
        bar.add(1)
