"""The driver's side of the speed benchmark: workers, and rounds of taking turns.

While one worker works all others are stopped: threads that spin for work would
otherwise take processor time from the one that is timed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from speed_worker import Job

HERE = Path(__file__).resolve().parent


class Worker:
    """One process that works when it is asked to, and is stopped otherwise."""

    def __init__(self, python: str, script: str, job: Job, env: dict[str, str]) -> None:
        self.name = f"{job.system} ({job.encoder.name}, {job.folder.name})"
        given = {name: str(value) for name, value in asdict(job).items()}
        kept = "length", "choice", "epochs", "seed", "learning_rate"
        given |= {name: getattr(job, name) for name in kept}
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [python, str(HERE / script), json.dumps(given)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
            # Its helpers stop with it. In the driver's session, so that the system
            # ends a stopped group whose driver is gone.
            process_group=0,
        )
        self.imported = self.hear()["imported"] - self.started
        self.loaded = self.hear()["loaded"] - self.started

    def hear(self) -> dict[str, Any]:
        """Its next reply."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"speed: {self.name}: ended with {self.process.wait()}")
        return json.loads(line)

    def ask(self, do: str, **details: Any) -> dict[str, Any]:
        """Let it do one thing, and stop it again."""
        assert self.process.stdin is not None
        os.killpg(self.process.pid, signal.SIGCONT)
        self.process.stdin.write(json.dumps({"do": do, **details}) + "\n")
        self.process.stdin.flush()
        reply = self.hear()
        self.stop()
        return reply

    def stop(self) -> None:
        """Take it off the processor until it is asked again."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def peak_memory(self) -> int:
        """The most memory it ever held at once, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        line = next(row for row in status.splitlines() if row.startswith("VmHWM"))
        return int(line.split()[1]) * 1024

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error: Any) -> None:
        self.end()

    def end(self) -> None:
        """End it, whatever it is doing."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def turns(count: int, runs: int) -> Iterator[int]:
    """Whose turn it is: in every round each once, every round begun by the next.

    >>> list(turns(3, 2))
    [0, 1, 2, 1, 2, 0]
    """
    for number in range(runs):
        for place in range(count):
            yield (number + place) % count
