"""Two devices or workers train the same model as one, uneven rows and words too."""

from __future__ import annotations

import numpy as np
import pytest

from tests.models.devices import run_on, run_on_workers


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    return run_on(1, "two_devices", tmp_path_factory.mktemp("one"))


def check_equal(one, other):
    assert set(one) == set(other) and len(one) > 70
    for path in one:
        # Of the largest, where it is above 1: logits are rounded as their terms are.
        atol = 1e-6 * max(1.0, float(np.abs(one[path]).max(initial=0.0)))
        np.testing.assert_allclose(one[path], other[path], atol=atol, err_msg=path)


def test_two_devices_equal_one(one, tmp_path):
    check_equal(one, run_on(2, "two_devices", tmp_path))


@pytest.mark.slow  # in CI workers are in tests/distribute
@pytest.mark.parametrize("count", [2, 3])
def test_workers_equal_one(one, tmp_path, count):
    for done in run_on_workers(count, "tests.models.two_devices", tmp_path):
        assert done.returncode == 0, done.stderr[-3000:]
    for number in range(count):
        check_equal(one, dict(np.load(tmp_path / f"worker-{number}.npz")))
