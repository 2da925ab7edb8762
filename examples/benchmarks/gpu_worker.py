"""The worker's side of the GPU benchmark: do what the driver asks, and say so.

A worker is one process with one system, one model and one case. It reads commands as
JSON lines and answers each with one; what libraries print goes to the error stream.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import Any, Protocol

import numpy as np
from gpu_work import SHAPES, Case, Shape

WARM_UP = 10
_ENOUGH = 0.1  # seconds that one timing of products takes at least


@dataclass(frozen=True)
class Job:
    """What a worker works on."""

    shape: Shape
    case: Case
    system: str


class System(Protocol):
    """One framework with a model and a batch on its device."""

    def device(self) -> tuple[str, bool]:
        """The device's name, and whether it is an accelerator."""

    def load(self) -> None:
        """Make the model, and put the batch on the device."""

    def train(self, steps: int) -> float:
        """So many steps, to their end; the mean of their losses."""

    def product(self, m: int, k: int, n: int) -> Callable[[int], None]:
        """What does an (m, k) x (k, n) product in bfloat16 so many times."""

    def peak_memory(self) -> int | None:
        """The most device memory held so far, in bytes; None if nobody says."""


def batch(job: Job) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids, mask and labels, the same for every system.

    Every fourth row is a quarter padding: no system may leave the mask out.
    """
    random = np.random.default_rng(0)
    size = job.case.batch, job.case.length
    mask = np.ones(size, "int32")
    mask[::4, -max(job.case.length // 4, 1) :] = 0
    ids = random.integers(1, job.shape.vocabulary, size).astype("int32") * mask
    return ids, mask, random.integers(0, job.shape.labels, job.case.batch)


def serve(make: Callable[[Job], System], packages: Sequence[str]) -> None:
    """Answer commands until there are no more.

    Args:
        make: imports the framework.
        packages: whose versions are recorded.
    """
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # libraries print
    given = json.loads(sys.argv[1])
    job = Job(SHAPES[given["shape"]], Case(*given["case"]), given["system"])
    system = make(job)
    name, accelerator = system.device()
    reply: dict[str, Any] = {
        "device": name,
        "accelerator": accelerator,
        "versions": {package: _version(package) for package in packages},
    }
    while True:
        replies.write(json.dumps(reply) + "\n")
        replies.flush()
        line = sys.stdin.readline()
        if not line:
            return
        reply = answer(system, **json.loads(line))


def answer(system: System, do: str, **details: Any) -> dict[str, Any]:
    """Do one thing."""
    if do == "load":
        system.load()
        return {}
    if do == "warm up":  # each system apart: compilers time kernels on the device
        first = _seconds(lambda: system.train(1))
        system.train(3)
        again = _seconds(lambda: system.train(WARM_UP))
        return {"first_step": first, "step": again / WARM_UP}
    if do == "train":
        start = time.perf_counter()
        loss = system.train(details["steps"])
        seconds = time.perf_counter() - start
        if not np.isfinite(loss):
            raise SystemExit(f"gpu: the loss is {loss}")
        return {"step": seconds / details["steps"], "loss": loss}
    if do == "memory":
        return {"peak": system.peak_memory()}
    m, k, n = details["product"]
    return {"rate": 2 * m * k * n / _product_seconds(system.product(m, k, n))}


def _product_seconds(run: Callable[[int], None]) -> float:
    """The median of five timings of one product, each long enough to be exact."""
    run(3)
    times = 4
    while (taken := _seconds(lambda: run(times))) < _ENOUGH:
        times = max(2 * times, int(1.2 * times * _ENOUGH / taken))
    return median(_seconds(lambda: run(times)) / times for _ in range(5))


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return getattr(sys.modules.get(package), "__version__", "not installed")
