"""Noise on kernels and the bottleneck's term are on two devices what they are on one.

Noise on texts is not: each replica has masks of its own, whatever draws them.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.models.devices import run_on


@pytest.mark.slow  # in CI two devices are in test_two_devices*.py
def test_two_devices_and_one(tmp_path):
    one, two = (run_on(devices, "two_devices_noise", tmp_path) for devices in (1, 2))
    names = {path.split("/")[1] for path in two if path.startswith("masks/")}
    assert len(names) == 10
    for name in sorted(names):
        first, second = (two.pop(f"masks/{name}/{replica}") for replica in (0, 1))
        np.testing.assert_array_equal(first, one.pop(f"masks/{name}/0"), name)
        if name in ("connect", "weights"):  # of weights, which are one
            np.testing.assert_array_equal(first, second)
        else:
            assert 0.3 < (first != second).mean(), name
    assert set(one) == set(two) and len(one) > 40
    for path in one:
        np.testing.assert_allclose(one[path], two[path], atol=1e-6, err_msg=path)
