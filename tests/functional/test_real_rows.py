from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfreg.functional.real_rows import AllRows, real_rows

MASK = np.array([[1, 1, 0, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]], "int32")
REAL = np.flatnonzero(MASK.ravel())


@pytest.mark.parametrize("mask", [MASK, MASK.astype(bool), MASK * 255])
def test_what_is_kept(mask):
    """All that is real, in its order, then padding; each place leads back."""
    found = real_rows(mask, [10])
    kept, places = found.kept.numpy(), found.places.numpy()
    np.testing.assert_array_equal(kept[:8], REAL)
    assert len(set(kept)) == 10 and not MASK.ravel()[kept[8:]].any()
    np.testing.assert_array_equal(kept[places[kept]], kept)
    left_out = np.setdiff1d(np.arange(MASK.size), kept)
    assert set(places[left_out]) == {9}


@pytest.mark.parametrize(
    ("rooms", "room"),
    [([9, 12], 9), ([4, 8, 12], 12), ([12, 10], 10), ([3, 8], 15), ([99], 15)],
)
def test_the_smallest_room_with_a_place_for_padding(rooms, room):
    assert len(real_rows(MASK, rooms).kept) == room


def test_nothing_but_padding_and_none():
    empty = real_rows(np.zeros((2, 3), "int32"), [2])
    assert empty.kept.numpy().tolist() == [0, 1]
    assert empty.places.numpy().tolist() == [0, 1, 1, 1, 1, 1]
    full = real_rows(np.ones((2, 3), "int32"), [2, 6])
    assert full.kept.numpy().tolist() == full.places.numpy().tolist() == [*range(6)]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_there_and_back(dtype):
    x = keras.random.normal((3, 5, 2, 4), dtype=dtype, seed=1)
    rows = real_rows(MASK, [11])
    kept = rows.keep(x)
    flat = keras.ops.reshape(x, (15, 2, 4))
    np.testing.assert_array_equal(kept, flat.numpy()[rows.kept.numpy()])
    back = rows.spread(kept)
    assert back.shape == x.shape and back.dtype == x.dtype
    np.testing.assert_array_equal(back.numpy()[MASK > 0], x.numpy()[MASK > 0])


def test_what_was_spread_is_kept_as_it_was():
    """One block spreads what the next keeps: nothing is moved between them."""
    rows = real_rows(MASK, [11])
    kept = rows.keep(keras.random.normal((3, 5, 4), seed=1))
    spread = rows.spread(kept)
    assert rows.keep(spread) is kept
    np.testing.assert_array_equal(rows.keep(spread + 0), kept)


def test_the_gradient_of_what_is_real():
    """As without: of sin(w·x) at the real positions, and 0 at padding."""
    x, w = tf.random.normal((3, 5, 4), seed=1), tf.random.normal((4,), seed=2)
    rows = real_rows(MASK, [10])
    found = []
    for leave_out in (True, False):
        with tf.GradientTape() as tape:
            tape.watch([x, w])
            y = rows.spread(rows.keep(x) * w) if leave_out else x * w
            loss = tf.reduce_sum(tf.sin(y) * MASK[:, :, None])
        found.append(tape.gradient(loss, [x, w]))
    for ours, theirs in zip(*found):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    assert not found[0][0].numpy()[MASK == 0].any()


def test_one_graph_for_all_batches():
    traced = tf.function(
        lambda mask, x: real_rows(mask, [4, 9]).keep(x),
        input_signature=[
            tf.TensorSpec((None, None), "int32"),
            tf.TensorSpec((None, None, 2)),
        ],
    )
    assert traced(MASK, tf.ones((3, 5, 2))).shape == (9, 2)
    assert traced(MASK[:1], tf.ones((1, 5, 2))).shape == (4, 2)


def test_all_rows():
    """All positions, there and back."""
    x = keras.random.normal((3, 5, 2, 4), seed=1)
    rows = AllRows((3, 5))
    kept = rows.keep(x)
    np.testing.assert_array_equal(kept, x.numpy().reshape(15, 2, 4))
    np.testing.assert_array_equal(rows.spread(kept), x)
