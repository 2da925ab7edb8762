from __future__ import annotations

import keras
import numpy as np
import pytest

from tfreg._checks import InputError
from tfreg.regularizers import L2SP, FisherL2SP


def test_value():
    weight, start, fisher = np.random.default_rng(0).random((3, 4, 5)).astype("float32")
    expected = 0.3 * (fisher.astype("float64") * (weight - start) ** 2).sum()
    found = FisherL2SP(0.3).anchored(start, fisher)(weight)
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_with_equal_information_it_is_l2sp():
    weight, start = np.random.default_rng(0).random((2, 4)).astype("float32")
    ours = FisherL2SP(0.3).anchored(start, np.ones(4, "float32"))
    assert float(ours(weight)) == pytest.approx(
        float(L2SP(0.3).anchored(start)(weight))
    )


def test_without_an_anchor_it_is_an_error():
    with pytest.raises(InputError, match="FisherL2SP has no anchor"):
        FisherL2SP()(np.ones(2, "float32"))


@pytest.mark.parametrize("alpha", [0, -1.0, float("nan"), "1"])
def test_strengths_that_cannot_be(alpha):
    with pytest.raises(InputError, match="`alpha`"):
        FisherL2SP(alpha)


def test_config():
    again = keras.regularizers.get(keras.regularizers.serialize(FisherL2SP(0.25)))
    assert type(again) is FisherL2SP and again.alpha == 0.25
