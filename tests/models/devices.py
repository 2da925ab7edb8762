"""Fits on logical devices: strategies cannot follow each other in one process."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]


def strategy_of(devices: int) -> Any:
    """A strategy over so many parts of this process's CPU; None for one; 0: workers."""
    import tensorflow as tf  # which the process that waits has no need of

    if not devices:
        return tf.distribute.MultiWorkerMirroredStrategy()
    cpu = tf.config.list_physical_devices("CPU")[0]
    logical = [tf.config.LogicalDeviceConfiguration()] * devices
    tf.config.set_logical_device_configuration(cpu, logical)
    if devices == 1:
        return None
    return tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(devices)])


def run_on_workers(
    count: int, module: str, folder: Path, *more: str
) -> list[subprocess.CompletedProcess[str]]:
    """So many processes of ``python -m MODULE 0 FOLDER/worker-NUMBER.npz MORE``."""
    places = [f"localhost:{port}" for port in free_ports(count)]
    processes = []
    for number in range(count):
        task = {"type": "worker", "index": number}
        config = json.dumps({"cluster": {"worker": places}, "task": task})
        words = ("0", str(folder / f"worker-{number}.npz"), *more)
        process = subprocess.Popen(
            [sys.executable, "-m", module, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CONFIG": config},
            cwd=ROOT,
        )
        processes.append(process)
    with ThreadPoolExecutor(count) as pool:  # a full pipe would stop one of them
        said = list(pool.map(lambda process: process.communicate(), processes))
    return [
        subprocess.CompletedProcess(p.args, p.returncode, *texts)
        for p, texts in zip(processes, said)
    ]


def free_ports(count: int) -> list[int]:
    """Ports nobody listens at."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("localhost", 0))
        return [one.getsockname()[1] for one in sockets]


def run_on(
    devices: int, module: str, folder: Path, package: str = "tests.models"
) -> dict[str, Any]:
    """What ``python -m PACKAGE.MODULE DEVICES FILE`` wrote into the file."""
    out = folder / f"{devices}.npz"
    done = subprocess.run(
        [sys.executable, "-m", f"{package}.{module}", str(devices), str(out)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(np.load(out))
