"""Gradients of few rows of a table: written and taken back in one array."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfreg._compat.row_gradients import RowGradients
from tfreg.optimizers import AdamW

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="IndexedSlices are TensorFlow's"
)
SHAPE = (500, 250)  # as many weights as are moved in one pass


def slices(random, rows, shape=SHAPE):
    values = random.normal(size=(len(rows), *shape[1:])).astype("float32")
    return tf.IndexedSlices(tf.constant(values), tf.constant(rows), tf.constant(shape))


def dense(gradient):
    found = np.zeros(gradient.dense_shape.numpy(), "float32")
    np.add.at(found, gradient.indices.numpy(), gradient.values.numpy())
    return found


@pytest.fixture
def random():
    return np.random.default_rng(0)


def test_each_gradient_stands_alone(random):
    held, table = RowGradients(), tf.zeros((4, 2, 3))
    for rows in ([3, 1], [0], [], [1, 2, 3, 0], [2]):
        gradient = slices(random, np.asarray(rows, "int32"), (4, 2, 3))
        found = held.hold(0, table, gradient)
        np.testing.assert_array_equal(found, dense(gradient))


def test_a_step_that_was_broken_off_leaves_nothing(random):
    """Wherever: before the rows are written, or before they are said to be."""
    held, table = RowGradients(), tf.zeros((4, 3))
    held.hold(0, table, slices(random, [0, 1], (4, 3)))
    (_, written), *_ = held._held.values()
    written.assign([2, 3])  # said, not written; and those of before cleared
    held._held[0][0].assign(tf.zeros((4, 3)))
    gradient = slices(random, [1], (4, 3))
    np.testing.assert_array_equal(held.hold(0, table, gradient), dense(gradient))


def stepper(optimizer, weight):
    return lambda gradient: optimizer.apply([gradient], [weight])


def test_a_graph_clears_then_notes_then_writes():
    """Whenever a step is broken off, all rows that are not 0 are among the noted."""
    held, table = RowGradients(), tf.zeros((4, 3))

    @tf.function(
        input_signature=[tf.TensorSpec((None, 3)), tf.TensorSpec(None, "int64")]
    )
    def hold(values, rows):
        held.hold(0, table, tf.IndexedSlices(values, rows, (4, 3)))

    graph = hold.get_concrete_function().graph
    clear, write = (
        op for op in graph.get_operations() if op.type == "ResourceScatterUpdate"
    )
    (note,) = (op for op in graph.get_operations() if op.type == "AssignVariableOp")
    assert clear in note.control_inputs
    assert any(note in (op, *op.control_inputs) for op in write.control_inputs)


@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("clip", [None, 0.5])
def test_as_a_dense_gradient(random, graph, clip):
    """Weights and moments of a few steps, rows that come back or not, and twice."""
    start = random.normal(size=SHAPE).astype("float32")
    gradients = [slices(random, rows) for rows in ([3, 7], [7, 9, 7], [1], [3, 499])]
    found = []
    for given in (gradients, [tf.constant(dense(each)) for each in gradients]):
        weight = keras.Variable(start, name="embeddings")
        optimizer = AdamW(0.01, weight_decay=0.1, global_clipnorm=clip)
        optimizer.build([weight])
        names = [variable.path for variable in optimizer.variables]

        step = stepper(optimizer, weight)
        step = tf.function(step, reduce_retracing=True) if graph else step
        for gradient in given:
            step(gradient)
        assert names == [variable.path for variable in optimizer.variables]
        sparse = isinstance(given[0], tf.IndexedSlices)
        assert (optimizer._row_gradients is not None) == sparse
        found.append([weight, *optimizer.variables])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(
            keras.ops.cast(ours, "float32"),
            keras.ops.cast(theirs, "float32"),
            rtol=1e-6,
            atol=1e-9,
        )
