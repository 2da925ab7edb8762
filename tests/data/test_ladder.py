from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from tfreg.data import ladder
from tfreg.data.ladder import LADDER, fitted_ladder, rung


def test_rungs():
    assert [rung(n) for n in (0, 1, 8, 9, 33, 128, 129, 512)] == [
        *(8, 8, 8, 12, 40, 128, 160, 512)
    ]
    assert rung(700) == 700
    assert all(a < b for a, b in zip(LADDER, LADDER[1:]))


def test_never_above_the_most_nor_below_what_is_there():
    assert [rung(n, 100) for n in (60, 97, 100)] == [64, 100, 100]
    assert rung(120, 100) == 120


def test_a_ladder_of_ones_own():
    assert [rung(n, None, (5, 9)) for n in (3, 5, 6, 10)] == [5, 5, 9, 10]


def cost(longest, rungs, rows, shape):
    padding = [rung(int(n), None, rungs) - int(n) for n in longest]
    return np.sum(np.multiply(padding, rows)) + shape * len(rungs)


@pytest.mark.parametrize("shape", [1, 30, 300, 10_000])
@pytest.mark.parametrize("rows", [1, 4, range(60)])
def test_no_other_ladder_costs_less(monkeypatch, shape, rows):
    monkeypatch.setattr(ladder, "_SHAPE", shape)
    for seed in range(4):
        lengths = np.random.default_rng(seed).geometric(0.1, 60).clip(3, 14)
        found = fitted_ladder(lengths, rows)
        assert list(found) == sorted(set(found)) and found[-1] == lengths.max()
        known = np.unique(lengths)
        every = (
            (*chosen, known[-1])
            for size in range(len(known))
            for chosen in combinations(known[:-1], size)
        )
        least = min(cost(lengths, rungs, rows, shape) for rungs in every)
        assert cost(lengths, found, rows, shape) == least


def test_more_rows_are_worth_more_shapes():
    lengths = np.random.default_rng(0).geometric(0.05, 1000).clip(3, 128)
    sizes = [len(fitted_ladder(lengths, rows)) for rows in (1, 3, 30)]
    assert sizes == sorted(sizes) and sizes[0] < sizes[-1] <= len(np.unique(lengths))


def test_no_batches():
    assert fitted_ladder([], 3) == ()
