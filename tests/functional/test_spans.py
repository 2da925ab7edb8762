"""Span counts against seqeval, on sequences valid and not."""

from __future__ import annotations

import numpy as np
import pytest
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import IOB2, Entities

from tfreg._checks import InputError
from tfreg.functional.spans import is_iob, span_counts, tag_codes

TAGS = ["O", "B-LOC", "I-LOC", "B-PER.NAM", "I-PER.NAM", "B-PER-X", "I-PER-X"]


def spans(tags, lenient):
    """The set of spans of one sentence, by seqeval."""
    if lenient:
        return set(get_entities(list(tags)))
    found = Entities([list(tags)], IOB2).entities[0]
    return {(entity.tag, entity.start, entity.end) for entity in found}


def expected_counts(true, pred, lenient):
    pairs = [(spans(t, lenient), spans(p, lenient)) for t, p in zip(true, pred)]
    return [
        sum(len(t & p) for t, p in pairs),
        sum(len(p) for _, p in pairs),
        sum(len(t) for t, _ in pairs),
    ]


def random_batch(rng, labels, rows, length):
    """Ids for truth and a prediction that is often right; -1 anywhere."""
    true = rng.integers(0, len(labels), (rows, length))
    noise = rng.integers(0, len(labels), (rows, length))
    pred = np.where(rng.random((rows, length)) < 0.7, true, noise)
    real = rng.random((rows, length)) < 0.8
    names = np.array(labels, object)
    sentences = [
        [[str(n) for n in names[row][keep]] for row, keep in zip(ids, real)]
        for ids in (true, pred)
    ]
    return np.where(real, true, -1), pred, sentences


@pytest.mark.parametrize("lenient", [False, True], ids=["strict", "lenient"])
@pytest.mark.parametrize("labels", [TAGS, TAGS[:3], ["I-A", "B-A"], ["B", "O", "I"]])
def test_equals_seqeval(labels, lenient):
    rng = np.random.default_rng(0)
    for length in (1, 2, 5, 12):
        true, pred, (true_tags, pred_tags) = random_batch(rng, labels, 400, length)
        got = [float(n) for n in span_counts(true, pred, labels, lenient=lenient)]
        assert got == expected_counts(true_tags, pred_tags, lenient)


@pytest.mark.parametrize("lenient", [False, True], ids=["strict", "lenient"])
def test_single_sentences_equal_seqeval(lenient):
    """Row by row, so that no two mistakes cancel."""
    rng = np.random.default_rng(1)
    true, pred, (true_tags, pred_tags) = random_batch(rng, TAGS, 60, 8)
    for i in range(len(true)):
        got = span_counts(true[i : i + 1], pred[i : i + 1], TAGS, lenient=lenient)
        want = expected_counts(true_tags[i : i + 1], pred_tags[i : i + 1], lenient)
        assert [float(n) for n in got] == want


@pytest.mark.parametrize(
    "true, pred, strict, lenient",
    [
        ("B-A I-A", "I-A I-A", (0, 0, 1), (1, 1, 1)),  # stray I-
        ("B-A I-A", "B-A O", (0, 1, 1), (0, 1, 1)),  # too short
        ("B-A O", "B-A I-A", (0, 1, 1), (0, 1, 1)),  # too long
        ("B-A B-A", "B-A I-A", (0, 1, 2), (0, 1, 2)),  # one for two
        ("B-A I-A", "B-A I-B", (0, 1, 1), (0, 2, 1)),  # another type inside
        ("B-A I-A", "B-B I-B", (0, 1, 1), (0, 1, 1)),  # another type
        ("B-A I-B I-A", "B-A O O", (1, 1, 1), (1, 1, 3)),
        ("O O", "O O", (0, 0, 0), (0, 0, 0)),
    ],
)
def test_by_hand(true, pred, strict, lenient):
    labels = ["O", "B-A", "I-A", "B-B", "I-B"]
    ids = [[[labels.index(tag) for tag in text.split()]] for text in (true, pred)]
    assert tuple(map(float, span_counts(*ids, labels))) == strict
    assert tuple(map(float, span_counts(*ids, labels, lenient=True))) == lenient


def test_words_beside_a_gap_are_neighbours():
    labels = ["O", "B-A", "I-A"]
    counts = span_counts([[-1, 1, -1, -1, 2, -1]], [[2, 1, 0, 2, 2, 1]], labels)
    assert [float(n) for n in counts] == [1, 1, 1]


def test_a_span_weighs_what_its_first_word_weighs():
    labels = ["O", "B-A", "I-A"]
    true, pred = [[1, 2, 0, 1], [1, 0, 0, 0]], [[1, 2, 0, 0], [1, 2, 0, 0]]
    weight = [[0.5, 9, 9, 2], [3, 9, 9, 9]]
    counts = span_counts(true, pred, labels, weight=weight)
    assert [float(n) for n in counts] == [0.5, 3.5, 5.5]


def test_codes():
    assert tag_codes(TAGS).tolist() == [0, 1, 2, 5, 6, 3, 4]
    assert tag_codes(["I", "O", "B"]).tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    "labels",
    [[], ["O"], ["NOUN", "VERB"], ["O", "B-A", "X"], ["O", "S-A", "B-A"], ["B-"]],
)
def test_other_tags_are_an_error(labels):
    assert not is_iob(labels)
    with pytest.raises(InputError, match="`labels` must be IOB tags .* got "):
        tag_codes(labels)
