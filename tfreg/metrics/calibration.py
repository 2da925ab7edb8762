"""Whether probabilities are what they say: of what is said with 80 %, 80 % right."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tfreg._checks import InputError, check_integer


class CalibrationBin(NamedTuple):
    """Predictions of like probability.

    Args:
        size: how many there are.
        probability: their mean probability, in [0, 1].
        right: the share of them that is right, in [0, 1].
    """

    size: int
    probability: float
    right: float


def calibration_bins(
    probabilities: Any, right: Any, bins: int = 15
) -> list[CalibrationBin]:
    """Predictions in bins of equal width by their probability; empty ones left out.

    Args:
        probabilities: of what was predicted, in [0, 1]; shape (predictions,).
        right: whether it was right; same shape.
        bins: at least 1; a bin holds its upper edge, the first also 0.

    Raises:
        InputError: no prediction, shapes that differ, or no probabilities.

    Example:
        >>> calibration_bins([0.9, 1.0], [True, False], bins=1)
        [CalibrationBin(size=2, probability=0.95, right=0.5)]
    """
    check_integer("bins", bins, low=1)
    said, hits = np.asarray(probabilities, "float64"), np.asarray(right, bool)
    if said.ndim != 1 or said.shape != hits.shape or not len(said):
        raise InputError(
            "`probabilities` and `right` must be two lists of one length, at least 1; "
            f"got shapes {said.shape} and {hits.shape}"
        )
    if not ((said >= 0) & (said <= 1)).all():
        raise InputError("`probabilities` must be numbers in [0, 1]")
    place = np.clip(np.ceil(said * bins).astype(int) - 1, 0, bins - 1)
    return [
        CalibrationBin(
            int(inside.sum()), float(said[inside].mean()), float(hits[inside].mean())
        )
        for number in range(bins)
        if (inside := place == number).any()
    ]


def expected_calibration_error(probabilities: Any, right: Any, bins: int = 15) -> float:
    """Σ_b (n_b / n)·|share right in b − mean probability in b|, in [0, 1].

    Args, Raises: as `calibration_bins`. The value depends on the number of bins, and
    few predictions make it large by chance.

    Example:
        >>> round(expected_calibration_error([0.9, 0.9], [True, False]), 3)
        0.4

    Guo et al. (2017), "On Calibration of Modern Neural Networks", equation 3, with
    its 15 bins.
    """
    found = calibration_bins(probabilities, right, bins)
    total = sum(each.size for each in found)
    return sum(each.size * abs(each.right - each.probability) for each in found) / total
