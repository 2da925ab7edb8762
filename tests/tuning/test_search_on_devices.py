"""Trials on two devices are judged as trials on one."""

from __future__ import annotations

import numpy as np
import pytest

from tests.models.devices import run_on


@pytest.mark.slow  # in CI two devices are in test_two_devices*.py
def test_two_devices_and_one(tmp_path):
    one, two = (
        run_on(devices, "searched", tmp_path, "tests.tuning") for devices in (1, 2)
    )
    assert two["replicas"] == 2 and len(one["scores"]) == 2
    np.testing.assert_allclose(one["scores"], two["scores"], atol=1e-6)
    assert two["done"].tolist() == ["COMPLETED"]
