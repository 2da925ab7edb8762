"""How sure a score is: the jackknife over groups of rows."""

from __future__ import annotations

import numpy as np

from tfreg.runs import Outcome

_GROUPS = 10


def standard_error(outcome: Outcome, metric: str) -> float:
    """The standard error of a score over rows (for taggers, sentences).

    √((G − 1)/G·Σ_g (s₋g − s̄)²), s₋g the score without group g of G = 10: it needs no
    formula for the score. Rows are spread over the groups in turn.

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
    count = len(outcome.targets)
    groups = min(_GROUPS, count)
    without = [
        _take(outcome, [row for row in range(count) if row % groups != group])
        for group in range(groups)
    ]
    scores = np.array([each.scores()[metric] for each in without])
    return float(np.sqrt((groups - 1) / groups * np.sum((scores - scores.mean()) ** 2)))


def _take(outcome: Outcome, rows: list[int]) -> Outcome:
    targets = tuple(outcome.targets[row] for row in rows)
    tagged = outcome.task == "tag"
    outputs = (
        [outcome.outputs[row] for row in rows] if tagged else outcome.outputs[rows]
    )
    return Outcome(outcome.task, targets, outputs, outcome.labels)
