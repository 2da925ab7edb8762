from __future__ import annotations

import keras
import pytest
import tensorflow as tf

from tfreg.functional.shapes import shape_of


@pytest.mark.parametrize(
    ("known", "operations"),
    [((2, 3, 4), 0), ((1, None, 4), 0), ((None, 3, 4), 0), ((None, None, 4), 3)],
)
def test_there_and_back(known, operations):
    """Whatever a graph knows; what one reshape can find out is not read."""

    @tf.function(input_signature=[tf.TensorSpec(known)])
    def back(x):
        return tf.reshape(tf.reshape(x, (-1, 4)), shape_of(x))

    x = keras.random.normal([length or 5 for length in known])
    found = back(x)
    assert found.shape == x.shape and bool(tf.reduce_all(found == x))
    graph = back.get_concrete_function().graph
    read = [o for o in graph.get_operations() if o.type in ("Shape", "StridedSlice")]
    assert len(read) == operations
