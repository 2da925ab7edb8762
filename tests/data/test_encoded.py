from __future__ import annotations

import numpy as np

from tfreg.data.encoded import Encoded


def rows(*sizes):
    return tuple(np.arange(size, dtype="int32") for size in sizes)


def test_lengths_are_of_real_pieces():
    encoded = Encoded(rows(3, 1, 5), np.array([3, 1, 5]), np.arange(3), 3)
    assert len(encoded) == 3
    assert encoded.lengths.tolist() == [3, 1, 5]
    assert Encoded((), np.zeros(0), np.zeros(0), 0).lengths.shape == (0,)


def test_rows_of_everything_are_taken_together():
    encoded = Encoded(
        pieces=rows(3, 4, 5),
        second=np.array([3, 4, 5]),
        example=np.array([0, 0, 1]),
        examples=2,
        cut=1,
        words=rows(1, 2, 3),
        answers=np.array([[0, 1], [1, 2], [0, 3]]),
        targets=[*rows(1, 2, 3)],
        weights=[*rows(1, 2, 3)],
    )
    found = encoded.take(np.array([2, 0]))
    assert found.lengths.tolist() == [5, 3]
    assert found.second.tolist() == [5, 3] and found.example.tolist() == [1, 0]
    assert found.answers.tolist() == [[0, 3], [0, 1]]
    for values in (found.words, found.targets, found.weights):
        assert [len(row) for row in values] == [3, 1]
    assert (found.examples, found.cut) == (2, 1)
    assert len(encoded) == 3


def test_what_is_missing_stays_missing():
    targets = np.eye(3, dtype="float32")
    encoded = Encoded(rows(1, 2, 3), np.arange(3), np.arange(3), 3, targets=targets)
    found = encoded.take([1])
    assert found.words is None and found.answers is None and found.weights is None
    np.testing.assert_array_equal(found.targets, targets[1:2])
    assert len(encoded.take([])) == 0
