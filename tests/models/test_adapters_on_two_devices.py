"""Two logical devices train LoRA, its penalty and child-tuning as one does."""

from __future__ import annotations

import numpy as np
import pytest

from tests.models.devices import run_on


@pytest.mark.slow  # in CI two devices are in test_two_devices*.py
def test_two_devices_equal_one(tmp_path):
    one, two = (run_on(devices, "adapters_two_devices", tmp_path) for devices in (1, 2))
    assert set(one) == set(two) and len(one) > 60
    for path in one:
        np.testing.assert_allclose(one[path], two[path], atol=1e-6, err_msg=path)
