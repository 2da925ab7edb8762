from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfreg.functional.attention import attend, in_heads

BATCH, LENGTH, HEADS, SIZE = 2, 5, 3, 4


def numpy_attend(x, mask):
    """Row by row, head by head; masked positions are left out, not weighed by 0."""
    query, key, value = np.split(x, 3, axis=-1)
    out = np.zeros((BATCH, LENGTH, HEADS, SIZE))
    for row, place, head in np.ndindex(BATCH, LENGTH, HEADS):
        own = slice(head * SIZE, (head + 1) * SIZE)
        seen = np.flatnonzero(mask[row, min(place, mask.shape[1] - 1)])
        scores = key[row, seen, own] @ query[row, place, own] / np.sqrt(SIZE)
        weights = np.exp(scores - scores.max())
        out[row, place, head] = weights @ value[row, seen, own] / weights.sum()
    return out


@pytest.fixture
def x():
    random = np.random.default_rng(0)
    return random.normal(size=(BATCH, LENGTH, 3 * HEADS * SIZE)).astype("float32")


MASKS = {
    "none": np.ones((BATCH, 1, LENGTH)),
    "padding": np.array([[[1, 1, 1, 0, 0]], [[1, 1, 1, 1, 1]]]),
    "causal": np.tile(np.tri(LENGTH), (BATCH, 1, 1)),
}


@pytest.mark.parametrize("name", MASKS)
def test_values(x, name):
    given = None if name == "none" else MASKS[name].astype("int32")
    found = attend(*in_heads(x, HEADS), given)
    np.testing.assert_allclose(found, numpy_attend(x, MASKS[name]), atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_masked_positions_weigh_nothing_in_half_precision(x, dtype):
    mask = MASKS["padding"].astype("int32")
    other = x.copy()
    other[0, 3:] = 50.0
    found = [
        attend(*in_heads(keras.ops.cast(v, dtype), HEADS), mask) for v in (x, other)
    ]
    found = [np.asarray(keras.ops.cast(v, "float32")) for v in found]
    np.testing.assert_array_equal(found[0][0, :3], found[1][0, :3])
    assert np.isfinite(found[1]).all()


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_a_row_that_sees_nothing_is_finite(x, dtype):
    mask = np.zeros((BATCH, 1, LENGTH), "int32")
    found = attend(*in_heads(keras.ops.cast(x, dtype), HEADS), mask)
    assert np.isfinite(np.asarray(keras.ops.cast(found, "float32"))).all()


def test_the_weights_are_dropped(x):
    found = attend(*in_heads(x, HEADS), None, lambda weights: weights * 0)
    np.testing.assert_array_equal(found, np.zeros((BATCH, LENGTH, HEADS, SIZE)))


def test_gradient_by_central_differences(x):
    mask = MASKS["padding"]
    upstream = np.cos(np.arange(BATCH * LENGTH * HEADS * SIZE)).reshape(
        BATCH, LENGTH, HEADS, SIZE
    )
    values = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(values)
        y = tf.reduce_sum(
            attend(*in_heads(values, HEADS), mask.astype("int32")) * upstream
        )
    found = tape.gradient(y, values).numpy()
    wide, step = x.astype("float64"), 1e-5
    for index in [(0, 0, 0), (0, 1, 13), (0, 4, 14), (1, 2, 30), (1, 4, 35)]:
        ends = []
        for sign in (1, -1):
            moved = wide.copy()
            moved[index] += sign * step
            ends.append((numpy_attend(moved, mask) * upstream).sum())
        expected = (ends[0] - ends[1]) / (2 * step)
        assert found[index] == pytest.approx(expected, abs=1e-4)


def test_an_empty_batch():
    x = keras.ops.zeros((0, LENGTH, 3 * HEADS * SIZE))
    found = attend(*in_heads(x, HEADS), np.zeros((0, 1, LENGTH), "int32"))
    assert tuple(found.shape) == (0, LENGTH, HEADS, SIZE)
