from __future__ import annotations

import numpy as np
import pytest

from tfreg.runs import Outcome
from tfreg.tuning.standard_error import standard_error


def test_of_a_mean_over_as_many_rows_as_groups_it_is_the_textbook_one():
    right = np.array([1, 1, 0, 1, 1, 1, 0, 1, 1, 1])
    logits = np.stack([right, 1 - right], axis=1).astype(float)
    outcome = Outcome("classify", ("a",) * 10, logits, ("a", "b"))
    expected = right.std(ddof=1) / np.sqrt(10)
    assert standard_error(outcome, "accuracy") == pytest.approx(expected)


def test_of_a_correlation_it_is_near_the_bootstrap():
    rng = np.random.default_rng(0)
    true = rng.normal(size=400)
    said = true + rng.normal(size=400)
    outcome = Outcome("regress", tuple(true), said[:, None], ())
    drawn = [
        np.corrcoef(true[rows], said[rows])[0, 1]
        for rows in rng.integers(0, 400, (500, 400))
    ]
    found = standard_error(outcome, "pearson")
    assert 0.5 * np.std(drawn) < found < 2 * np.std(drawn)


def test_taggers_leave_out_whole_sentences():
    words = [np.eye(2)[[0, 1]], np.eye(2)[[0]]] * 5
    targets = (("a", "a"), ("a",)) * 5
    outcome = Outcome("tag", targets, words, ("a", "b"))
    assert standard_error(outcome, "accuracy") > 0
