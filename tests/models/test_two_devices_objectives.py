"""Two logical devices train with every objective as one does."""

from __future__ import annotations

import numpy as np

from tests.models.devices import run_on


def test_two_devices_equal_one(tmp_path):
    one, two = (
        run_on(devices, "two_devices_objectives", tmp_path) for devices in (1, 2)
    )
    assert set(one) == set(two) and len(one) > 60
    for path in one:
        np.testing.assert_allclose(one[path], two[path], atol=1e-6, err_msg=path)
