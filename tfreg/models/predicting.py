"""Logits of an encoded split, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np

from tfreg import _compat
from tfreg._checks import InputError
from tfreg.data.batches import Batches

# Batches under way together: what one of them does on one processor leaves the others
# idle (softmax, layer norms, lookups; measured on two).
_AT_ONCE = 3


def predict_batches(
    model: Any, batches: Batches, batch_size: int | None, kwargs: dict[str, Any]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The row numbers of each batch, and its logits.

    Batches go to the model as arrays, a few at once: each has its own width, and a data
    set made anew for each chunk of an endless stream would leak a little every time.

    Args:
        model: a task model.
        batches: what to predict.
        batch_size: as the user gave it; None: as many rows as run well together.
        kwargs: of Keras's `predict`; of these ``verbose`` is taken.

    Raises:
        InputError: other arguments, which would be ignored.
    """
    verbose = kwargs.pop("verbose", "auto")
    if kwargs:
        raise InputError(
            f"`predict` takes `{next(iter(kwargs))}` with a tf.data.Dataset only"
        )
    if batch_size is not None:
        order = batches.order(0)
    else:
        whole = _compat.compiles_steps(model)
        order = batches.wide() if whole else batches.tight()
    bar = keras.utils.Progbar(len(order), verbose=0 if verbose in (0, "0") else 1)

    def answers(rows: np.ndarray) -> np.ndarray:
        filled = rows
        if batch_size is None and whole and rows is order[-1]:
            # What is left over, to 5, 6, 7 or 8 times a power of two: shapes stay few.
            step = max(1 << (len(rows) - 1).bit_length() >> 3, 1)
            filled = np.resize(rows, -(-len(rows) // step) * step)
        return predict(batches.collate(filled)[0])[: len(rows)]

    if order:
        predict = _compat.traced_prediction(model, batches.collate(order[-1])[0])
    threads = _AT_ONCE if _compat.predicts_in_threads(model) else 1
    with ThreadPoolExecutor(threads) as pool:
        for rows, found in zip(order, pool.map(answers, order)):
            yield rows, found
            bar.add(1)
