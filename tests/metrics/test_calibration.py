"""Calibration bins and error, against a loop and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tfreg._checks import InputError
from tfreg.metrics import calibration_bins, expected_calibration_error


def by_loop(probabilities, right, bins):
    """Guo et al.'s equation 3, bin by bin: (low, high], the first with its 0."""
    error = 0.0
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        inside = [
            (p, r)
            for p, r in zip(probabilities, right)
            if low < p <= high or number == 0 and p == 0
        ]
        if inside:
            accuracy = sum(r for _, r in inside) / len(inside)
            confidence = sum(p for p, _ in inside) / len(inside)
            error += len(inside) / len(probabilities) * abs(accuracy - confidence)
    return error


@pytest.mark.parametrize("bins", [1, 2, 15, 100])
def test_error_is_the_loops(bins):
    random = np.random.default_rng(0)
    probabilities = random.random(500)
    right = random.random(500) < probabilities**2
    expected = by_loop(probabilities, right, bins)
    assert expected_calibration_error(probabilities, right, bins) == pytest.approx(
        expected, abs=1e-12
    )


def test_by_hand():
    # (0, 0.5]: 0.2 and 0.5, one right of two; (0.5, 1]: 0.8 and 1.0, both right.
    bins = calibration_bins([0.2, 1.0, 0.5, 0.8], [False, True, True, True], bins=2)
    assert [each.size for each in bins] == [2, 2]
    assert [each.right for each in bins] == [0.5, 1.0]
    assert [each.probability for each in bins] == pytest.approx([0.35, 0.9])
    error = expected_calibration_error([0.2, 1.0, 0.5, 0.8], [0, 1, 1, 1], bins=2)
    assert error == pytest.approx(0.5 * 0.15 + 0.5 * 0.1)


def test_what_is_sure_and_right_has_no_error():
    assert expected_calibration_error([1.0, 0.0], [True, False]) == 0.0


@pytest.mark.parametrize(
    "probabilities, right, message",
    [
        ([], [], "at least 1"),
        ([0.5], [True, False], r"shapes \(1,\) and \(2,\)"),
        ([1.5], [True], r"in \[0, 1\]"),
        ([float("nan")], [True], r"in \[0, 1\]"),
    ],
)
def test_what_cannot_be(probabilities, right, message):
    with pytest.raises(InputError, match=message):
        calibration_bins(probabilities, right)
