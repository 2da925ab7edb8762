from __future__ import annotations

import itertools

import pytest

from tfreg.data.bio import is_bio, repair_tags, stray_tags


@pytest.mark.parametrize(
    ("labels", "answer"),
    [
        (["O", "B-X", "I-X"], True),
        (["B-X"], True),
        (["O", "B-PER.NAM", "I-LOC.NOM"], True),
        ([], False),
        (["O"], False),
        (["O", "B", "I"], True),
        (["O", "B", "I-X"], True),
        (["O", "I"], False),
        (["A", "B", "I"], False),
        (["O", "I-X"], False),
        (["O", "B-X", "S-X"], False),
        (["O", "B-", "I-"], False),
        (["NOUN", "VERB"], False),
    ],
)
def test_is_bio(labels, answer):
    assert is_bio(labels) is answer


def strays_by_spans(tags):
    """The same by another way: no I-X but within what B-X or I-X have begun."""
    open_type, strays = None, []
    for i, tag in enumerate(tags):
        prefix, _, kind = tag.partition("-")
        if prefix == "I" and kind != open_type:
            strays.append(i)
        open_type = kind if prefix != "O" else None
    return strays


@pytest.mark.parametrize(
    "labels", [["O", "B-X", "I-X", "B-Y", "I-Y"], ["O", "B", "I", "I-X"]]
)
def test_all_short_sequences(labels):
    for tags in itertools.product(labels, repeat=4):
        assert stray_tags(tags) == strays_by_spans(tags)
        repaired = repair_tags(tags)
        assert stray_tags(repaired) == []
        changed = [i for i, (old, new) in enumerate(zip(tags, repaired)) if old != new]
        assert changed == stray_tags(tags)
        assert repair_tags(repaired) == repaired
