"""Noise on kernels and the bottleneck's term are on two devices what they are on one.

Noise on texts is not: each replica has masks of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np


def test_two_devices_and_one(tmp_path):
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    runs = []
    for devices in (1, 2):
        out = tmp_path / f"{devices}.npz"
        module = "tests.models.two_devices_noise"
        done = subprocess.run(
            [sys.executable, "-m", module, str(devices), str(out)],
            capture_output=True,
            text=True,
            env=environment,
            cwd=root,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        runs.append(dict(np.load(out)))
    one, two = runs
    for name in ("words", "noise"):
        first, second = (two.pop(f"masks/{name}/{replica}") for replica in (0, 1))
        np.testing.assert_array_equal(first, one.pop(f"masks/{name}/0"))
        assert 0.3 < (first != second).mean()
    assert set(one) == set(two) and len(one) > 40
    for path in one:
        np.testing.assert_allclose(one[path], two[path], atol=1e-6, err_msg=path)
