"""Pearson's correlation against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr

from tests.metrics.measuring import cut, total
from tfreg.metrics import Pearson


@pytest.mark.parametrize("offset, scale", [(0, 1), (2.5, 1.5), (1e4, 1), (5, 1e-4)])
def test_equals_scipy_over_batches(offset, scale):
    rng = np.random.default_rng(0)
    true = (offset + scale * rng.normal(size=1000)).astype("float32")
    pred = (true + scale * rng.normal(size=1000)).astype("float32")
    batches = cut([1, 9, 300, 690], true, pred[:, None])
    want = pearsonr(true.astype("float64"), pred.astype("float64"))[0]
    assert total(Pearson(), batches) == pytest.approx(want, abs=1e-5)
    flat = cut([1000], true[:, None], pred)
    assert total(Pearson(), flat) == pytest.approx(want, abs=1e-5)


def test_weights_count_rows():
    true, pred = np.array([1.0, 2, 4, 9]), np.array([2.0, 1, 5, 0])
    weight = np.array([2, 1, 3, 0])
    want = pearsonr(np.repeat(true, weight), np.repeat(pred, weight))[0]
    got = total(Pearson(), [(true, pred, weight[:, None])])
    assert got == pytest.approx(want, abs=1e-6)


def test_undefined_is_zero():
    assert float(Pearson().result()) == 0
    assert total(Pearson(), [([1.0], [2.0])]) == 0
    assert total(Pearson(), [([1.0, 2.0, 3.0], np.full((3, 1), 0.1))]) == 0
    assert total(Pearson(), [(np.full(3, 0.1), [1.0, 2.0, 3.0])]) == 0
