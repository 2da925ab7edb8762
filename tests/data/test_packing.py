from __future__ import annotations

import numpy as np
import pytest

from tfreg.data.packing import cut_pair, join, windows


def cut_one_by_one(first, second, budget):
    """Drop the last piece of the longer text, of the second where they are equal."""
    while first + second > budget:
        if first > second:
            first -= 1
        else:
            second -= 1
    return first, second


def test_pairs_lose_their_longer_text_first():
    for budget in range(0, 14):
        for first in range(0, 16):
            for second in range(0, 16):
                expected = cut_one_by_one(first, second, budget)
                found = cut_pair(first, second, budget)
                assert found == expected, (first, second, budget)


def check_windows(sizes, budget):
    found = list(windows(sizes, budget))
    answered = [word for _, _, start, stop in found for word in range(start, stop)]
    assert answered == list(range(len(sizes)))  # each once, and in order
    for first, end, start, stop in found:
        assert 0 <= first <= start <= stop <= end <= len(sizes)
        assert sum(sizes[first:end]) <= budget
        if sizes:
            assert start < stop
    for (first, end, _, _), (after, _, _, _) in zip(found, found[1:]):
        assert first < after <= end < len(sizes)  # no word between two windows
        assert sum(sizes[first : end + 1]) > budget  # it held all that fits
    for (_, end, _, _), (_, later, _, _) in zip(found, found[1:]):
        assert end < later  # what a window leaves to the next has more after it there
    assert found[-1][1] == len(sizes)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_every_word_is_answered_once_in_a_window_that_fits(seed):
    random = np.random.default_rng(seed)
    for _ in range(1000):
        budget = int(random.integers(1, 40))
        most = int(random.integers(1, budget + 1))
        sizes = random.integers(1, most + 1, random.integers(0, 60)).tolist()
        check_windows(sizes, budget)


@pytest.mark.parametrize("budget", [1, 2, 3, 4, 7, 8, 126])
def test_words_as_long_as_the_budget(budget):
    found = check_windows([budget] * 5, budget)
    assert found == [(i, i + 1, i, i + 1) for i in range(5)]
    check_windows([1, budget, 1, budget, budget, 1], budget)


def test_what_fits_is_one_window():
    assert list(windows([], 8)) == [(0, 0, 0, 0)]
    assert list(windows([3, 5], 8)) == [(0, 2, 0, 2)]


@pytest.mark.parametrize(("budget", "count"), [(8, 100), (126, 1000), (62, 333)])
def test_no_word_is_answered_at_an_inner_edge(budget, count):
    """With words of one piece, a quarter of a window is context on each side."""
    found = check_windows([1] * count, budget)
    for first, end, start, stop in found:
        assert first == 0 or start - first == budget // 4
        assert end == count or end - stop == budget // 4
    # Each window after the first brings at least half a budget of new words.
    assert len(found) <= 1 + (count - budget) / (budget // 2) + 1


def test_context_even_for_words_of_many_pieces():
    found = check_windows([3] * 20, 24)
    for first, end, start, stop in found[1:-1]:
        assert (start - first, end - stop) == (2, 2)  # 6 pieces = a quarter


def test_join():
    joined = join([[1], np.array([2, 3], "int64"), [], np.array([4])])
    assert joined.tolist() == [1, 2, 3, 4] and joined.dtype == "int32"
