"""How sure the answer of a search is, by scores worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tfreg.recipe import Recipe
from tfreg.runs import Outcome
from tfreg.tuning.search_result import SearchResult, Trial, read_trial
from tfreg.tuning.standard_error import leaving_out


def result(best, default):
    return SearchResult("accuracy", "max", (best,), (default,), Recipe())


def trial(name, scores, left_out=(), **values):
    return Trial(name, values, tuple({"accuracy": one} for one in scores), left_out)


def test_seeds_share_their_rows():
    best = trial("0", [0.8, 0.9], ((0.7, 0.9), (0.9, 0.9)))
    found = result(best, trial("default", [0.6, 0.6], ((0.6, 0.6), (0.6, 0.6))))
    # Fits: 0.1/sqrt(2)/sqrt(2); rows: means without a group 0.8 and 0.9.
    assert found.error(best) == pytest.approx(math.hypot(0.05, 0.05))
    gap, error = found.gap(found.baselines[0])
    assert gap == pytest.approx(0.25) and error == pytest.approx(math.hypot(0.05, 0.05))


def test_seeds_that_agree_are_as_unsure_as_their_rows():
    """Two fits a few rows better than two others do not differ by more than chance."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, 2, 500)

    def judged(name, rows_right):
        said = np.where(np.arange(500) < rows_right, true, 1 - true)
        order = np.random.default_rng(1).permutation(500)
        logits = np.eye(2)[said][order]
        targets = tuple("ab"[label] for label in true[order])
        outcome = Outcome("classify", targets, logits, ("a", "b"))
        scores = [outcome.scores()["accuracy"]] * 2
        return trial(name, scores, (tuple(leaving_out(outcome, "accuracy")),) * 2)

    found = result(judged("0", 400), judged("default", 399))
    gap, error = found.gap(found.baselines[0])
    assert gap == pytest.approx(1 / 500)
    assert error == pytest.approx(1 / 500, rel=0.01)  # of one row among 500
    assert found.error(found.best) == pytest.approx(math.sqrt(0.8 * 0.2 / 500), rel=0.5)


def test_folds_say_it_themselves():
    best = trial("0", [0.8, 0.6, 0.7])
    assert result(best, best).error(best) == pytest.approx(0.1 / math.sqrt(3))


def test_the_simplest_is_within_one_error_of_the_best():
    best = trial("0", [0.8], ((0.75, 0.85),), l2=1e-4)
    near = trial("1", [0.76], ((0.76, 0.76),), l2=1e-2)
    far = trial("2", [0.74], ((0.74, 0.74),), l2=1.0)
    default = trial("default", [0.5], ((0.5, 0.5),))
    found = SearchResult("accuracy", "max", (best, near, far), (default,), Recipe())
    assert found.simplest is near


def test_the_simplest_of_those_as_strong_is_the_best():
    near = trial("0", [0.76], ((0.76, 0.76),), dropout=0.1)
    best = trial("1", [0.8], ((0.75, 0.85),), dropout=0.2)
    default = trial("default", [0.5], ((0.5, 0.5),))
    found = SearchResult("accuracy", "max", (near, best), (default,), Recipe())
    assert found.simplest is best
    lower = SearchResult("rmse", "min", (near, best), (default,), Recipe())
    for one in (near, best, default):
        one.rounds[0]["rmse"] = 1 - one.rounds[0]["accuracy"]
    assert lower.simplest is best


def test_fits_of_a_trial_that_failed_do_not_judge_it():
    fit = {"scores": {"accuracy": 0.9}, "left_out": [0.9, 0.9], "seconds": 2.0, "at": 5}
    failed = read_trial("0", [fit], {"l2": 0.1}, "its second fit diverged")
    default = trial("default", [0.5])
    found = result(failed, default)
    assert found.best is found.simplest is default and found.judged == [default]
    assert failed.rounds == failed.left_out == () and failed.seconds == 2.0
