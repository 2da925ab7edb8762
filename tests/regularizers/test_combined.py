from __future__ import annotations

import keras
import numpy as np
import pytest

from tfreg._checks import InputError
from tfreg.regularizers import L1, L2, L2SP, ByDepth, Multiple, Sum
from tfreg.regularizers.place import is_anchored

W = np.array([1.0, -2.0], "float32")


class Somewhere:
    """A place two blocks below the output, that started at 1."""

    blocks_above: int | None = 2

    def anchor(self):
        return np.ones(2, "float32")

    def fisher(self):
        raise AssertionError("nobody asks")


def test_a_sum():
    assert float(Sum([L1(0.5), L2(0.1)])(W)) == pytest.approx(0.5 * 3 + 0.1 * 5)
    both = Sum([L2SP(0.5), L1(1.0)])
    assert is_anchored(both) and not is_anchored(Sum([L1(1.0)]))
    assert float(both.bound(Somewhere())(W)) == pytest.approx(0.5 * 9 + 3)


def test_depth():
    rule = ByDepth(L2SP(0.5), factor=3.0)
    assert is_anchored(rule)
    assert float(rule.bound(Somewhere())(W)) == pytest.approx(9 * 0.5 * 9)
    assert float(ByDepth(L1(1.0), 0.5).bound(Somewhere())(W)) == pytest.approx(0.75)


def test_without_depth_or_place_it_is_an_error():
    nowhere = Somewhere()
    nowhere.blocks_above = None
    with pytest.raises(InputError, match="share their weights"):
        ByDepth(L2(1.0), 2.0).bound(nowhere)
    with pytest.raises(InputError, match="not to a layer"):
        ByDepth(L2(1.0), 2.0)(W)


@pytest.mark.parametrize(
    "rule", [Sum([L1(0.5), L2SP(0.1)]), Multiple(L2(0.5), 3.0), ByDepth(L2SP(0.5), 1.2)]
)
def test_config(rule):
    again = keras.regularizers.get(keras.regularizers.serialize(rule))
    assert type(again) is type(rule)
    assert keras.regularizers.serialize(again) == keras.regularizers.serialize(rule)


def test_what_cannot_be():
    with pytest.raises(InputError, match="`regularizers`"):
        Sum([])
    with pytest.raises(InputError, match="`regularizer`"):
        ByDepth(None, 2.0)
    for factor in (0, -1, "2"):
        with pytest.raises(InputError, match="`factor`"):
            ByDepth(L2(1.0), factor)
