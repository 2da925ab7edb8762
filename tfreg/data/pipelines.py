"""A user's own `tf.data.Dataset`: counted and weighed."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfreg._checks import InputError
from tfreg.data.targets import NOT_A_WORD


def is_dataset(x: Any) -> bool:
    """Whether this is a `tf.data.Dataset`."""
    return isinstance(x, tf.data.Dataset)


def count(dataset: Any) -> int:
    """Batches in one pass; counted in a pass of its own where the data cannot say.

    Raises:
        InputError: the data set has no end.
    """
    batches = int(dataset.cardinality().numpy())
    if batches == tf.data.INFINITE_CARDINALITY:
        raise InputError("`steps_per_epoch` is needed: the data set has no end")
    if batches == tf.data.UNKNOWN_CARDINALITY:
        batches = int(dataset.reduce(np.int64(0), lambda n, *_: n + 1).numpy())
    if batches == 0:
        raise InputError("`x` is an empty data set")
    return batches


def join(dataset: Any, batches: int) -> Any:
    """Every so many encoded batches as one, padded to its longest row.

    What is left at the end makes a smaller one.
    """

    def whole(values: Any, fill: int = 0) -> Any:
        if not isinstance(values, tf.RaggedTensor):
            return tf.reshape(values, tf.concat([[-1], tf.shape(values)[2:]], 0))
        rows = values.merge_dims(0, 1)
        return rows.to_tensor(fill) if isinstance(rows, tf.RaggedTensor) else rows

    def join_one(x: Any, y: Any, *sample_weight: Any) -> Any:
        x, *weight = tf.nest.map_structure(whole, (x, *sample_weight))
        return x, whole(y, NOT_A_WORD), *weight

    return dataset.ragged_batch(batches).map(join_one)


def weigh(dataset: Any, table: np.ndarray) -> Any:
    """Weigh each target of encoded batches by its class.

    Keras's own class weights crash on (batch, words) labels, or train with the wrong
    weights where the batch is as long as its texts.
    """
    weights = tf.constant(table)

    def add(x: Any, y: Any, sample_weight: Any = None) -> Any:
        ids = tf.cast(y, tf.int32)
        weight = tf.where(ids >= 0, tf.gather(weights, tf.maximum(ids, 0)), 0.0)
        if sample_weight is not None:
            extra = tf.cast(sample_weight, tf.float32)
            if extra.shape.rank < weight.shape.rank:
                extra = extra[:, None]
            weight = weight * extra
        return x, y, weight

    return dataset.map(add)
