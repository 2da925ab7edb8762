"""Two logical devices train LoRA, its penalty and child-tuning as one does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np


def test_two_devices_equal_one(tmp_path):
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    runs = []
    for devices in (1, 2):
        out = tmp_path / f"{devices}.npz"
        module = "tests.models.adapters_two_devices"
        done = subprocess.run(
            [sys.executable, "-m", module, str(devices), str(out)],
            capture_output=True,
            text=True,
            env=environment,
            cwd=root,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        runs.append(np.load(out))
    one, two = runs
    assert set(one) == set(two) and len(one) > 60
    for path in one:
        np.testing.assert_allclose(one[path], two[path], atol=1e-5, err_msg=path)
