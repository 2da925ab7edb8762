from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from tfreg.data import ladder
from tfreg.data.ladder import LADDER, Rooms, fitted_ladder, fitted_rooms, rung

PIECE = ladder._PIECE + ladder._WEIGHT * ladder.WEIGHTS  # seconds


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
    monkeypatch.setattr(ladder, "_SHAPE", shape * PIECE)
    for seed in range(4):
        lengths = np.random.default_rng(seed).geometric(0.1, 60).clip(3, 14)
        found, rooms = fitted_ladder(lengths, rows)
        assert rooms == Rooms()
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
    sizes = [len(fitted_ladder(lengths, rows).lengths) for rows in (1, 3, 30)]
    assert sizes == sorted(sizes) and sizes[0] < sizes[-1] <= len(np.unique(lengths))


def test_no_batches():
    assert fitted_ladder([], 3) == ((), Rooms()) and fitted_rooms([], [], 9) == ()


def test_as_often_as_rows_are_seen():
    lengths = np.random.default_rng(0).geometric(0.05, 1000).clip(3, 128)
    assert fitted_ladder(lengths, 1, times=3.0) == fitted_ladder(lengths, 3)


def test_a_larger_encoder_has_more_shapes():
    lengths = np.random.default_rng(0).geometric(0.05, 1000).clip(3, 128)
    known = 10_000, 10_600_000, 85_000_000
    sizes = [len(fitted_ladder(lengths, weights=each).lengths) for each in known]
    assert sizes == sorted(sizes) and len(set(sizes)) == 3


def left_out_cost(lengths, rows, real, groups, shape):
    """By the formula, batch by batch; groups: lengths of each rung."""
    total = shape * len(groups)
    for group in groups:
        inside = [i for i, length in enumerate(lengths) if length in group]
        room = max(-(-(real[i] + 1) // 8) * 8 for i in inside)
        kept = min(room * len(inside), max(group) * sum(rows[i] for i in inside))
        all_of_them = max(group) * sum(rows[i] for i in inside)
        total += ladder._KEPT * kept + ladder._LEFT_OUT * (all_of_them - kept)
    return total


@pytest.mark.parametrize("shape", [1, 30, 300, 10_000])
def test_no_other_ladder_costs_less_where_padding_is_left_out(monkeypatch, shape):
    monkeypatch.setattr(ladder, "_SHAPE", shape * PIECE)
    for seed in range(4):
        random = np.random.default_rng(seed)
        lengths = random.geometric(0.02, 40).clip(20, 28)
        rows = random.integers(6, 9, 40)
        real = (lengths * rows * random.uniform(0.3, 0.6, 40)).astype(int)
        found, (rooms, _) = fitted_ladder(lengths, rows, real)
        known = [int(length) for length in np.unique(lengths)]
        cuts = (
            [0, *chosen, len(known)]
            for size in range(len(known))
            for chosen in combinations(range(1, len(known)), size)
        )
        every = [[known[a:b] for a, b in zip(cut, cut[1:])] for cut in cuts]
        costs = [left_out_cost(lengths, rows, real, each, shape) for each in every]
        best = every[int(np.argmin(costs))]
        groups = [
            known[known.index(a) + 1 if a else 0 : known.index(b) + 1]
            for a, b in zip((None, *found), found)
        ]
        assert left_out_cost(lengths, rows, real, groups, shape) == pytest.approx(
            left_out_cost(lengths, rows, real, best, shape)
        )
        for i, length in enumerate(lengths):  # each batch has a room, of its rung's own
            assert any(real[i] < room for room in rooms)
            (group,) = [group for group in groups if length in group]
            inside = [real[j] for j, other in enumerate(lengths) if other in group]
            assert -(-(max(inside) + 1) // 8) * 8 in rooms


def test_no_rooms_where_nothing_is_padding():
    assert fitted_ladder([30] * 100, 32, [960] * 100) == ((30,), Rooms())


def rooms_cost(read, groups, shape):
    """What these rooms cost, in a last block's pieces, batch by batch."""
    total = shape * len(groups)
    for count in read:
        total += ladder._KEPT * next(room for room in groups if room > count)
    return total


@pytest.mark.parametrize("shape", [1, 30, 300, 100_000])
def test_no_other_rooms_for_what_is_read_cost_less(monkeypatch, shape):
    monkeypatch.setattr(ladder, "_LAST_SHAPE", shape * PIECE)
    whole = ladder.WEIGHTS  # so that a position spares a whole piece
    for seed in range(4):
        random = np.random.default_rng(seed)
        read = random.integers(20, 80, 40)
        computed = read + random.integers(0, 40, 40)
        found = fitted_rooms(read, computed, whole)
        known = sorted({-(-(int(count) + 1) // 8) * 8 for count in read})
        every = [
            (*chosen, known[-1])
            for size in range(len(known))
            for chosen in combinations(known[:-1], size)
        ]
        best = min(rooms_cost(read, each, shape) for each in every)
        if found:
            assert rooms_cost(read, found, shape) == pytest.approx(best)
            assert best < computed.sum()
        else:
            assert best >= computed.sum()
    if shape in (1, 100_000):
        assert bool(found) == (shape == 1)


def test_what_is_seen_more_often_has_more_rooms():
    read, computed = [100, 200, 300] * 50, [400] * 150
    found = [fitted_rooms(read, computed, 1_000_000, times=t) for t in (0.1, 1, 100)]
    assert found == [(), (104, 304), (104, 208, 304)]
