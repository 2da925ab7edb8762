"""Gradients of tables of which a step reads few rows, without a new table each."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.python.ops.resource_variable_ops import ResourceVariable


class RowGradients:
    """Gradients of tables as dense arrays, of which a step writes its own rows alone.

    A new array of zeros in each step takes as long as reading all the weights. One that
    stays is as much memory, for as long as the optimiser lives.
    """

    def __init__(self) -> None:
        self._held: dict[int, tuple[tf.Variable, tf.Variable]] = {}

    def hold(self, number: int, variable: Any, gradient: Any) -> tf.Variable:
        """A variable's gradient as a whole table, until its next one.

        Args:
            number: of the table among all.
            variable: the table, (rows, ...).
            gradient: each of its rows once, `tf.IndexedSlices`.
        """
        if number not in self._held:
            self._held[number] = _empty(variable)
        table, written = self._held[number]
        last, rows = tf.convert_to_tensor(written), tf.cast(gradient.indices, "int32")
        size = tf.concat([tf.shape(last), table.shape[1:]], 0)
        # In this order, so that a step that is broken off leaves nothing to the next.
        with _after(_write(table, last, tf.zeros(size, table.dtype))):
            noted = written.assign(rows)
        with _after(noted):
            _write(table, rows, tf.cast(gradient.values, table.dtype))
        return table


def _empty(variable: Any) -> tuple[tf.Variable, tf.Variable]:
    """A table of zeros, and which of its rows are written.

    Outside of what is being traced, of which a `tf.Variable` would become a part.
    """
    with tf.init_scope():
        zeros = tf.zeros(tuple(variable.shape), variable.dtype)
        none = tf.zeros([0], "int32")
        return (
            ResourceVariable(zeros, trainable=False),
            ResourceVariable(none, trainable=False, shape=[None]),
        )


def _write(table: tf.Variable, rows: Any, values: Any) -> Any:
    return tf.raw_ops.ResourceScatterUpdate(
        resource=table.handle, indices=rows, updates=values
    )


def _after(done: Any) -> Any:
    """What graphs compute inside waits for an operation; eagerly it is done already."""
    return tf.control_dependencies([] if done is None else [done])
