from __future__ import annotations

import itertools

import pytest

from tfreg.data.bio import stray_tags
from tfreg.functional.iob2 import permitted


@pytest.mark.parametrize(
    "labels",
    [
        ("O", "B-X", "I-X", "B-Y", "I-Y"),
        ("I-PER.NAM", "B-PER.NAM", "O", "B-LOC"),
    ],
)
def test_what_is_permitted_is_what_is_not_stray(labels):
    steps, starts = permitted(labels)
    for tags in itertools.product(range(len(labels)), repeat=3):
        stray = stray_tags([labels[tag] for tag in tags])
        assert (0 not in stray) == starts[tags[0]]
        for place in (1, 2):
            assert (place not in stray) == steps[tags[place - 1], tags[place]]


@pytest.mark.parametrize(
    "labels",
    [
        ("NOUN", "VERB"),
        ("O", "I-X", "I-Y"),  # spans that never touch
        ("O", "B-X", "B-Y"),
        ("O", "B-X", "I-X", "E-X", "S-X"),  # another scheme
    ],
)
def test_other_labels_are_free(labels):
    steps, starts = permitted(labels)
    assert steps.all() and starts.all()


def test_bare_tags():
    steps, starts = permitted(("O", "B", "I"))
    assert steps[:, 2].tolist() == [False, True, True] and not starts[2]
    assert steps[:, :2].all() and starts[:2].all()
