from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from tfreg.data.batches import Batches, pad_rows
from tfreg.data.encoded import Encoded
from tfreg.data.features import Features
from tfreg.data.ladder import fitted_ladder, rung


def texts(lengths, **fields):
    """Rows of the given lengths; a row's first piece is its number."""
    lengths = np.asarray(lengths)
    pieces = tuple(np.full(n, i + 1, "int32") for i, n in enumerate(lengths))
    numbers = np.arange(len(lengths))
    return Encoded(pieces, lengths.astype("int64"), numbers, len(lengths), **fields)


@pytest.fixture(scope="module")
def lengths():
    random = np.random.default_rng(0)
    return np.clip(random.lognormal(3, 0.7, 3001), 3, 128).astype(int)


def row_numbers(batches, epoch):
    return [rows.tolist() for rows in batches.order(epoch)]


@pytest.mark.parametrize("size", [1, 7, 16])
@pytest.mark.parametrize("seed", [None, 3])
def test_every_row_exactly_once(lengths, size, seed):
    batches = Batches(texts(lengths), size, seed=seed)
    for epoch in (0, 1):
        order = row_numbers(batches, epoch)
        assert sorted(row for rows in order for row in rows) == list(range(3001))
        assert len(order) == len(batches) == -(-3001 // size)
        assert sorted({len(rows) for rows in order}, reverse=True)[0] == size
        assert sum(len(rows) < size for rows in order) <= 1


def test_the_order_is_of_seed_and_epoch_alone(lengths):
    first = Batches(texts(lengths), 8, seed=1)
    again = Batches(texts(lengths), 8, seed=1)
    for epoch in (5, 0, 5):  # whatever came before
        assert row_numbers(first, epoch) == row_numbers(again, epoch)
    orders = [row_numbers(first, epoch) for epoch in range(3)]
    orders.append(row_numbers(Batches(texts(lengths), 8, seed=2), 0))
    for i, one in enumerate(orders):
        for other in orders[:i]:
            assert one != other
            shared = {frozenset(rows) for rows in one} & set(map(frozenset, other))
            assert len(shared) < 5  # not only the batches' order, what is in them too


def test_batches_come_in_no_order_of_length(lengths):
    order = Batches(texts(lengths), 8, seed=1).order(0)
    mean = np.array([lengths[rows].mean() for rows in order])
    correlation = np.corrcoef(mean, np.arange(len(mean)))[0, 1]
    assert abs(correlation) < 0.15


@pytest.mark.parametrize("epochs", [1, 2, 30])
def test_the_ladder_of_a_fit(lengths, epochs):
    """By the batches of the first three epochs, for as many epochs as there are."""
    batches = Batches(texts(lengths), 500, seed=1)
    seen = [rows for epoch in range(min(epochs, 3)) for rows in batches.order(epoch)]
    longest = [lengths[rows].max() for rows in seen]
    real = [lengths[rows].sum() for rows in seen]
    rows, times = [*map(len, seen)], epochs / min(epochs, 3)
    found = batches.fitted(epochs, leave_out=True, weights=1000)
    assert found == fitted_ladder(longest, rows, real, times=times, weights=1000)
    assert found.rooms.pieces and found.lengths[-1] == lengths.max()
    assert batches.fitted(epochs) == fitted_ladder(longest, rows, times=times)


def waste(lengths, order):
    """Padded places for each real one."""
    padded = sum(len(rows) * rung(int(lengths[rows].max())) for rows in order)
    return padded / lengths.sum() - 1


def test_little_padding(lengths):
    random = np.random.default_rng(0).permutation(len(lengths))
    unsorted = waste(lengths, np.array_split(random, len(lengths) // 32))
    pooled = waste(lengths, Batches(texts(lengths), 32, seed=0).order(0))
    assert unsorted > 1.0
    assert pooled < 0.25
    assert waste(lengths, Batches(texts(lengths), 32).order(0)) < pooled + 0.01


def test_prediction_goes_by_length(lengths):
    order = np.concatenate(Batches(texts(lengths), 8).order(0))
    assert (np.diff(lengths[order]) >= 0).all()
    ties = order[lengths[order] == 20]
    assert (np.diff(ties) > 0).all()  # and by number where that is the same


def test_no_padding_beyond_the_longest_text_there_can_be():
    batches = Batches(texts([18, 3]), 2, most=20)
    assert batches.collate(np.arange(2))[0]["token_ids"].shape == (2, 20)


def test_a_batch_of_texts():
    encoded = texts([3, 10], targets=np.array([1, 0], "int32"))
    x, y = Batches(encoded, 2, pad=99).collate(np.array([1, 0]))
    assert x["token_ids"].tolist() == [[2] * 10 + [99] * 2, [1] * 3 + [99] * 9]
    assert x["padding_mask"].tolist() == [[1] * 10 + [0] * 2, [1] * 3 + [0] * 9]
    assert not x["segment_ids"].any()
    assert {array.dtype.name for array in x.values()} == {"int32"}
    assert y.tolist() == [0, 1]


def test_segments_of_a_pair():
    pieces = (np.arange(5, dtype="int32"), np.arange(4, dtype="int32"))
    encoded = Encoded(pieces, np.array([2, 4]), np.arange(2), 2)
    (x,) = Batches(encoded, 2).collate(np.arange(2))
    assert x["segment_ids"].tolist() == [[0, 0, 1, 1, 1, 0, 0, 0], [0] * 8]
    (x,) = Batches(encoded, 2, segments=False).collate(np.arange(2))
    assert set(x) == {"token_ids", "padding_mask"}


def test_a_batch_of_words():
    encoded = texts(
        [4, 3],
        words=(np.array([1, 2], "int32"), np.array([1], "int32")),
        answers=np.array([[0, 2], [0, 1]]),
        targets=[np.array([5, -1], "int32"), np.array([7], "int32")],
        weights=[np.array([0.5, 0], "float32"), np.array([2.0], "float32")],
    )
    x, y, weight = Batches(encoded, 2).collate(np.arange(2))
    assert x["word_positions"].tolist() == [[1, 2] + [0] * 6, [1] + [0] * 7]
    assert y.tolist() == [[5] + [-1] * 7, [7] + [-1] * 7]
    assert weight.tolist() == [[0.5] + [0] * 7, [2] + [0] * 7]
    assert weight.dtype == "float32"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"targets": np.array([0, 1, 1], "int32")},
        {"targets": np.eye(3, dtype="float32")},
        {
            "targets": np.ones(3, "float32"),
            "weights": np.array([1, 2, 3], "float32"),
        },
        {
            "words": (np.array([1], "int32"),) * 3,
            "targets": [np.array([1], "int32")] * 3,
            "weights": [np.array([1.0], "float32")] * 3,
        },
    ],
)
def test_as_a_data_set(fields):
    batches = Batches(texts([3, 20, 9], **fields), 2, seed=0)
    dataset = batches.dataset()
    assert int(dataset.cardinality()) == 2
    for epoch in (0, 1):
        batches.epoch = epoch
        found = list(dataset.as_numpy_iterator())
        expected = [batches.collate(rows) for rows in batches.order(epoch)]
        assert len(found) == len(expected)
        for ours, theirs in zip(found, expected):
            assert len(ours) == len(theirs)
            for name, array in theirs[0].items():
                np.testing.assert_array_equal(ours[0][name], array)
            for one, other in zip(ours[1:], theirs[1:]):
                np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("counts", [None, np.array([3, 20, 9])])
def test_features_ride_along(counts):
    batches = Batches(texts([3, 20, 9]), 2, seed=0)
    values = np.arange(64, dtype="float32").reshape(32, 2)
    batches.features = Features(values, np.array([9, 12, 0]), counts)
    for x in batches.dataset().as_numpy_iterator():
        lengths = x[0]["padding_mask"].sum(1)
        for found, length in zip(x[0]["features"], lengths):
            first = {3: 9, 20: 12, 9: 0}[int(length)]
            if counts is None:
                np.testing.assert_array_equal(found, values[first])
            else:
                expected = np.zeros((x[0]["token_ids"].shape[1], 2))
                expected[:length] = values[first : first + length]
                np.testing.assert_array_equal(found, expected)


def test_no_rows():
    batches = Batches(texts([]), 4)
    assert len(batches) == 0 and batches.order(0) == []
    assert list(batches.dataset()) == []


def test_pad_rows():
    rows = [np.array([1, 2], "int32"), np.array([], "int32")]
    assert pad_rows(rows, 3, -1).tolist() == [[1, 2, -1], [-1, -1, -1]]
    assert pad_rows([np.array([0.5], "float32")], 2).dtype == "float32"
    assert pad_rows([], 3).shape == (0, 3)


@pytest.mark.parametrize("count", [0, 1, 3, 700, 5000])
def test_wide_batches_hold_every_row_in_few_shapes(count):
    lengths = np.random.default_rng(0).geometric(0.05, count).clip(2, 200)
    batches = Batches(texts(lengths), 32)
    wide = batches.wide()
    assert sorted(np.concatenate([[], *wide])) == list(range(count))
    shapes = [batches.collate(rows)[0]["token_ids"].shape for rows in wide]
    # One number of pieces for all but the last batch: compiled once.
    assert len({size * length for size, length in shapes[:-1]}) <= 1
    padded = sum(size * length for size, length in shapes)
    if count > 1000:
        assert padded < 1.15 * lengths.sum()


@pytest.mark.parametrize("count", [0, 1, 3, 700, 5000])
def test_tight_batches_hold_every_row_with_little_padding(count):
    lengths = np.random.default_rng(0).geometric(0.05, count).clip(2, 200)
    batches = Batches(texts(lengths), 32)
    tight = batches.tight()
    order = np.concatenate([np.zeros(0, int), *tight])
    assert sorted(order) == list(range(count))
    assert list(lengths[order]) == sorted(lengths, reverse=True)
    for rows in tight:
        batch = batches.collate(rows)[0]["token_ids"]
        assert batch.shape == (len(rows), max(lengths[rows].max(), 1))
        assert batch.size <= 2520 or len(rows) == 1
    if count > 1000:
        padded = sum(len(rows) * lengths[rows].max() for rows in tight)
        assert padded < 1.1 * lengths.sum()
        assert sum(map(len, tight)) / len(tight) > 50


@pytest.mark.parametrize("seed", range(5))
def test_no_other_batches_cost_less_than_tight_ones(seed):
    """Against all ways to cut nine rows."""
    lengths = np.random.default_rng(seed).geometric(1 / 150, 9)

    def cost(batches):
        sizes = [len(rows) * lengths[rows].max() for rows in batches]
        full = [s for s, rows in zip(sizes, batches) if s > 2520 and len(rows) > 1]
        return np.inf if full else sum(sizes) + 80 * len(sizes)

    rows = np.argsort(-lengths, kind="stable")
    cuts = product([False, True], repeat=8)
    ways = [np.split(rows, 1 + np.flatnonzero(cut)) for cut in cuts]
    found = Batches(texts(lengths), 32).tight()
    assert cost(found) == min(map(cost, ways))
    assert len(found) > 1


def test_tight_batches_of_no_pieces_and_of_many():
    batches = Batches(texts([5000, 6000, 0, 0]), 8)
    assert [list(rows) for rows in batches.tight()] == [[1], [0], [2, 3]]


def test_few_rows_are_no_wide_batch():
    (rows,) = Batches(texts([9, 9, 9]), 32).wide()
    assert list(rows) == [0, 1, 2]


def test_a_wide_batch_of_the_longest_texts():
    assert [len(rows) for rows in Batches(texts([5000, 6000]), 8).wide()] == [1, 1]
