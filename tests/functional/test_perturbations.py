from __future__ import annotations

import numpy as np
import pytest

from tfreg.functional.perturbations import unit, unit_max, unit_together, within


def rows():
    return np.random.default_rng(0).normal(size=(4, 3, 5)).astype("float32")


def lengths(x):
    return np.sqrt(np.square(np.asarray(x, "float64")).sum(axis=(1, 2)))


def test_unit_rows():
    x = rows()
    found = np.asarray(unit(x))
    np.testing.assert_allclose(lengths(found), np.ones(4), rtol=1e-6)
    np.testing.assert_allclose(found * lengths(x)[:, None, None], x, rtol=1e-5)
    found = np.asarray(unit_max(x))
    np.testing.assert_allclose(np.abs(found).max(axis=(1, 2)), np.ones(4), rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-35, 1e-20, 1e18, 1e37])
def test_any_scale(scale):
    x = rows() * np.float32(scale)
    np.testing.assert_allclose(unit(x), unit(rows()), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_a_row_that_points_nowhere_is_zero(bad):
    x = rows()
    x[1] = 0.0
    x[2, 0, 0] = bad
    for function in (unit, unit_max):
        found = np.asarray(function(x))
        assert not found[1:3].any() and np.isfinite(found).all()
        np.testing.assert_array_equal(found[[0, 3]], function(x[[0, 3]]))
    for tensors in ([x, rows()], [np.zeros(3), np.zeros((2, 2))]):
        assert not any(np.asarray(part).any() for part in unit_together(tensors))


def test_within_a_ball():
    x = rows()
    longest = lengths(x).max()
    np.testing.assert_array_equal(within(x, longest + 0.1), x)
    np.testing.assert_allclose(lengths(within(x, 0.5)), np.full(4, 0.5), rtol=1e-6)
    np.testing.assert_allclose(unit(within(x, 0.5)), unit(x), rtol=1e-5)
    assert not np.asarray(within(x, 0.0)).any()
    assert not np.asarray(within(0 * x, 1.0)).any()


def test_together():
    parts = [rows(), np.array([3.0, -4.0], "float32")]
    size = np.sqrt(sum(np.square(part).sum() for part in parts))
    for found, part in zip(unit_together(parts), parts):
        np.testing.assert_allclose(found, part / size, rtol=1e-6)
