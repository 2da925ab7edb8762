"""Ids of one's own as a `tf.data.Dataset` of batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf


class Slices:
    """Arrays in batches, each epoch in an order that follows from (seed, epoch).

    (KerasHub's own conversion of arrays leaves them in the order given.)

    Args:
        arrays: of as many rows each, lists too.
        batch_size: rows a batch; the last one may be smaller.
        seed: of the order; None for that given.
    """

    def __init__(self, arrays: Any, batch_size: int, seed: int | None = None) -> None:
        self.rows = tf.data.Dataset.from_tensor_slices(arrays)
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0  # set by the fit before each epoch

    def dataset(self) -> Any:
        """The batches."""
        seed, count = self.seed, int(self.rows.cardinality())
        if seed is None or not count:
            return self.rows.batch(self.batch_size)
        with tf.device("CPU"):
            arrays = self.rows.batch(count).get_single_element()

        def generate() -> Iterator[np.ndarray]:
            order = np.random.default_rng((seed, self.epoch)).permutation(count)
            for start in range(0, count, self.batch_size):
                yield order[start : start + self.batch_size]

        numbers = tf.data.Dataset.from_generator(
            generate, output_signature=tf.TensorSpec([None], tf.int64)
        )
        size = tf.data.experimental.assert_cardinality(-(-count // self.batch_size))
        return numbers.apply(size).map(
            lambda batch: tf.nest.map_structure(
                lambda array: tf.gather(array, batch), arrays
            )
        )
