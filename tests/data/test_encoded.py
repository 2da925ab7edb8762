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
