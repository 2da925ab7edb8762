from __future__ import annotations

import numpy as np

from tfreg.data.encoded import Encoded
from tfreg.data.examples import Examples


def rows(*sizes):
    return tuple(np.arange(size, dtype="int32") for size in sizes)


def test_lengths_are_of_real_pieces():
    encoded = Encoded(rows(3, 1, 5), np.array([3, 1, 5]), np.arange(3), 3)
    assert len(encoded) == 3
    assert encoded.lengths.tolist() == [3, 1, 5]
    assert Encoded((), np.zeros(0), np.zeros(0), 0).lengths.shape == (0,)


def test_examples_are_taken_with_all_of_their_rows():
    found = [np.array([row], "int32") for row in range(4)]
    whole = Encoded(
        pieces=tuple(found),
        second=np.arange(4),
        example=np.array([0, 1, 1, 2]),  # the second has two windows
        examples=3,
        words=tuple(found),
        answers=np.arange(8).reshape(4, 2),
        targets=found,
        weights=np.arange(4.0),
        source=Examples("text", ["a", "b", "c"]),
    )
    part = whole.take([2, 1])
    assert [int(p[0]) for p in part.pieces] == [3, 1, 2]
    assert part.example.tolist() == [0, 1, 1] and part.examples == 2
    assert part.second.tolist() == [3, 1, 2] and part.weights.tolist() == [3, 1, 2]
    assert part.answers.tolist() == [[6, 7], [2, 3], [4, 5]]
    assert [int(t[0]) for t in part.targets] == [3, 1, 2]
    assert part.source.inputs == ("c", "b")
