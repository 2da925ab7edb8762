"""Fits on logical devices: strategies cannot follow each other in one process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]


def strategy_of(devices: int) -> Any:
    """Split this process's CPU; a strategy over the parts, or None for one."""
    import tensorflow as tf  # which the process that waits has no need of

    cpu = tf.config.list_physical_devices("CPU")[0]
    logical = [tf.config.LogicalDeviceConfiguration()] * devices
    tf.config.set_logical_device_configuration(cpu, logical)
    if devices == 1:
        return None
    return tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(devices)])


def run_on(devices: int, module: str, folder: Path) -> dict[str, Any]:
    """What ``python -m tests.models.MODULE DEVICES FILE`` wrote into the file."""
    out = folder / f"{devices}.npz"
    done = subprocess.run(
        [sys.executable, "-m", f"tests.models.{module}", str(devices), str(out)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(np.load(out))
