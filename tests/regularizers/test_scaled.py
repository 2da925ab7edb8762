"""A penalty times a number, written as a penalty whose own numbers are larger."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfreg._checks import InputError
from tfreg.regularizers import (
    L1,
    L1L2,
    L2,
    L2SP,
    ByDepth,
    FisherL2SP,
    GroupLasso,
    Multiple,
    Orthogonal,
    SetPenalty,
    Spectral,
    Sum,
)
from tfreg.regularizers.scaled import at_depth, number_of, scaled, short_name


class Cubes(keras.regularizers.Regularizer):
    """A user's own, whose number nobody knows."""

    def __call__(self, x):
        return keras.ops.sum(x**3)

    def get_config(self):
        return {}


KERNEL = np.random.default_rng(0).normal(size=(3, 2)).astype("float32")


@pytest.mark.parametrize(
    "penalty",
    [
        L1(0.1),
        L2(0.1),
        L1L2(0.1, 0.2),
        Orthogonal(0.1),
        Spectral(0.1, iterations=3),
        Sum([L1(0.1), L2(0.2)]),
        Multiple(L2(0.1), 3.0),
        Cubes(),
    ],
    ids=lambda penalty: type(penalty).__name__,
)
def test_values(penalty):
    expected = 2.5 * float(penalty(KERNEL))
    assert float(scaled(penalty, 2.5)(KERNEL)) == pytest.approx(expected, rel=1e-5)


def test_anchored_on_sets_and_by_depth():
    assert scaled(L2SP(0.2), 0.5).alpha == 0.1
    assert scaled(FisherL2SP(0.2), 0.5).alpha == 0.1
    lasso = scaled(GroupLasso(0.2, "neurons"), 0.5)
    assert (lasso.strength, lasso.groups) == (0.1, "neurons")
    rule = scaled(ByDepth(L2SP(0.2), 1.3), 0.5)
    assert (rule.regularizer.alpha, rule.factor) == (0.1, 1.3)
    assert at_depth(Sum([rule, L2(0.3)]), 2).regularizers[0].alpha == pytest.approx(
        0.169
    )
    with pytest.raises(InputError, match="Own: the number that is its strength"):
        scaled(type("Own", (SetPenalty,), {"get_config": lambda self: {}})(), 2.0)


def test_numbers_and_names():
    assert number_of(L1(0.1)) == 0.1  # not 0.10000000149
    assert number_of(L1L2(0.1, 0.2)) is None and number_of(Cubes()) is None
    names = [short_name(x) for x in (L1L2(), L2SP(), GroupLasso(), Multiple(L2(), 2.0))]
    assert names == ["l1l2", "l2sp", "group_lasso", "l2"]
