"""How sure a score is: the jackknife over groups of rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfreg.runs import Outcome

_GROUPS = 10


def standard_error(outcome: Outcome, metric: str) -> float:
    """The standard error of a score over rows (for taggers, sentences).

    That of `jackknife` from `leaving_out`: it needs no formula for the score.

    Args:
        outcome: of at least 2 rows.
        metric: one of `Outcome.scores`.

    Raises:
        InputError: fewer rows.

    Example:
        >>> rows = np.array([[1.0, 0.0], [0.0, 1.0]] * 10)
        >>> outcome = Outcome("classify", ("a", "b") * 10, rows, ("a", "b"))
        >>> standard_error(outcome, "accuracy")
        0.0

    Efron & Stein (1981), "The jackknife estimate of variance".
    """
    return jackknife(leaving_out(outcome, metric))


def leaving_out(outcome: Outcome, metric: str) -> list[float]:
    """The scores without each of 10 groups of rows, which are spread over them in turn.

    Args:
        outcome, metric: as for `standard_error`.
    """
    count = len(outcome.targets)
    groups = min(_GROUPS, count)
    without = [
        _take(outcome, [row for row in range(count) if row % groups != group])
        for group in range(groups)
    ]
    return [float(each.scores()[metric]) for each in without]


def jackknife(scores: Sequence[float]) -> float:
    """√((G − 1)/G·Σ_g (s₋g − s̄)²), s₋g the score (or difference) without group g of G.

    Example:
        >>> jackknife([0.25, 0.75])
        0.25
    """
    found = np.asarray(scores)
    share = (len(found) - 1) / len(found)
    return float(np.sqrt(share * np.sum((found - found.mean()) ** 2)))


def _take(outcome: Outcome, rows: list[int]) -> Outcome:
    targets = tuple(outcome.targets[row] for row in rows)
    tagged = outcome.task == "tag"
    outputs = (
        [outcome.outputs[row] for row in rows] if tagged else outcome.outputs[rows]
    )
    return Outcome(outcome.task, targets, outputs, outcome.labels)
