from __future__ import annotations

import numpy as np
import pytest

from tfreg._checks import InputError
from tfreg.tuning.strengths import read_strengths


def test_a_number_of_them_is_even_on_a_log_scale():
    found = read_strengths(100)
    assert len(found) == 100 and found[0] == 1.0 and found[-1] == 1e-6
    np.testing.assert_allclose(np.diff(np.log(found)), np.log(1e-6) / 99, rtol=1e-6)


@pytest.mark.parametrize(
    "given",
    [
        "1e-3:1e-1:3",
        "0.01,0.1,0.001",
        [0.001, 0.1, 0.01],
        np.array([1e-1, 1e-2, 1e-3]),
    ],
)
def test_all_forms_mean_the_same_strongest_first(given):
    assert read_strengths(given) == (0.1, 0.01, 0.001)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (1, "an integer of at least 2; got 1"),
        (True, "a number of them, or a sequence; got True"),
        ("a few", "WEAKEST:STRONGEST:NUMBER, as in 1e-6:1:100"),
        ("1:2:3:4", "WEAKEST:STRONGEST:NUMBER, as in 1e-6:1:100"),
        ("0:1:5", r"a number in \(0, inf\]; got 0.0"),
        ([0.1, 0.0], r"`strengths\[1\]` must be a number in \(0, inf\]; got 0.0"),
        ([0.1, 0.1], "at least two, all different"),
        ([0.1], "at least two, all different"),
        (None, "a number of them, or a sequence; got None"),
    ],
)
def test_refused(given, said):
    with pytest.raises(InputError, match=said):
        read_strengths(given)
