"""Two devices train what one does: numbers, adapters, half precision."""

from __future__ import annotations

import numpy as np
import pytest

from tests.models.devices import run_on


@pytest.mark.slow
def test_two_devices_equal_one(tmp_path):
    one, two = (run_on(devices, "two_devices_recipes", tmp_path) for devices in (1, 2))
    assert set(one) == set(two) and len(one) > 60
    assert one["float16/scale"] == two["float16/scale"] > 1
    for path, value in one.items():
        # Sums over rows are rounded in parts: to 8 or 11 bits where floats are half.
        half = path.startswith(("bfloat16/", "float16/"))
        tolerance = 2e-3 if half else 1e-6
        np.testing.assert_allclose(value, two[path], atol=tolerance, err_msg=path)
