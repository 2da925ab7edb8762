from __future__ import annotations

import numpy as np
import pytest

from tfreg.data.slices import Slices


def rows_of(slices):
    """The batches of ids, after a check that targets go with them."""
    found = []
    for x, y in slices.dataset().as_numpy_iterator():
        np.testing.assert_array_equal(x["ids"][:, 0] * 10, y)
        assert x["ids"].dtype == "int32" and x["ids"].shape[1:] == (2,)
        found.append(x["ids"][:, 0].tolist())
    return found


@pytest.mark.parametrize("count", [12, 11, 1])
def test_ids_in_batches(count):
    ids = np.repeat(np.arange(count, dtype="int32")[:, None], 2, axis=1)
    arrays = {"ids": ids}, np.arange(count) * 10.0
    plain = rows_of(Slices(arrays, 4))
    assert sum(plain, []) == [*range(count)]
    shuffled = Slices(arrays, 4, seed=3)
    assert int(shuffled.dataset().cardinality()) == len(plain)
    epochs = []
    for epoch in range(3):
        shuffled.epoch = epoch
        epochs.append(rows_of(shuffled))
        assert [*map(len, epochs[-1])] == [*map(len, plain)]
        assert sorted(sum(epochs[-1], [])) == [*range(count)]
    again, other = Slices(arrays, 4, seed=3), Slices(arrays, 4, seed=4)
    again.epoch = other.epoch = 2  # as in a fit that is taken up
    assert rows_of(again) == epochs[2]
    if count > 1:
        assert epochs[0] != epochs[1] != epochs[2] != rows_of(other)


def test_lists():
    """As a tokenizer of Hugging Face gives them."""
    ids = [[3, 3], [4, 4], [1, 1]]
    for seed in (None, 5):
        found = sum(rows_of(Slices(({"ids": ids}, [30, 40, 10]), 2, seed)), [])
        assert sorted(found) == [1, 3, 4]


def test_none():
    empty = np.zeros((0, 2), "int32"), np.zeros(0)
    assert int(Slices(empty, 2, seed=1).dataset().cardinality()) == 0


def test_ids_and_targets_of_other_rows():
    with pytest.raises(ValueError):
        Slices((np.ones((3, 2)), np.ones(4)), 2, seed=1)
