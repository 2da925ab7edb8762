"""Two logical devices train the same model as one, penalties and uneven words too."""

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
        command = [sys.executable, "-m", "tests.models.two_devices", str(devices), out]
        done = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            env=environment,
            cwd=root,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        runs.append(np.load(out))
    one, two = runs
    assert set(one) == set(two) and len(one) > 70
    for path in one:
        np.testing.assert_allclose(one[path], two[path], atol=1e-6, err_msg=path)
