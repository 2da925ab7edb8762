"""The worker's side of the speed benchmark: do what the driver asks, and say so.

A worker is one process with one system, one encoder and one task. It reads commands
as JSON lines and answers each with one JSON line; what libraries print goes to the
error stream. Standard library only.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tasks import write_result


@dataclass(frozen=True)
class Job:
    """What a worker works on.

    Args:
        system: one of `speed_plan.SYSTEMS`.
        encoder: a Hugging Face folder.
        kind: "classify", "regress" or "tag".
        folder: of the data.
        part: "train" or "predict".
        length: the sequence length of who sets one by hand.
        precision: of tfreg's matrix products.
        learning_rate: of who takes the settings of `tasks.py`.
        choice: what `tune` chose some other time, or None.
        epochs: how many will be asked for.
        seed: of the head's start, dropout and the order of rows.
    """

    system: str
    encoder: Path
    kind: str
    folder: Path
    part: str
    length: int
    precision: str
    learning_rate: float
    choice: dict[str, Any] | None = None
    epochs: int = 1
    seed: int = 0


class System(Protocol):
    """One library with a model and data in memory."""

    def tokens(self) -> int:
        """Real (non-padding) word pieces of the data, special ones included."""

    def train(self) -> None:
        """One epoch."""

    def predict(self) -> Sequence[Any]:
        """From texts to one array of logits a row, in the order of the rows."""

    def tune(self) -> dict[str, Any]:
        """Choose by trial what is fastest; {} if there is nothing to choose."""

    def score(self, epochs: int) -> dict[str, float]:
        """Fit, then the scores of the dev split."""


def read_job() -> Job:
    """The job on the command line, as JSON."""
    parser = argparse.ArgumentParser(description="A worker of speed.py.")
    parser.add_argument("job", type=json.loads)
    given = parser.parse_args().job
    paths = {name: Path(given[name]) for name in ("encoder", "folder")}
    return Job(**{**given, **paths})


def serve(make: Callable[[Job], System], packages: Sequence[str]) -> None:
    """Answer commands until there are no more.

    Args:
        make: loads the system.
        packages: whose versions are recorded.
    """
    imported = time.monotonic()
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # libraries print

    def say(**reply: Any) -> None:
        replies.write(json.dumps(reply) + "\n")
        replies.flush()

    say(imported=imported)
    job = read_job()
    system = make(job)
    say(loaded=time.monotonic())
    for line in sys.stdin:
        command = json.loads(line)
        name = command["do"]
        if name == "tokens":
            say(tokens=system.tokens())
        elif name == "tune":
            say(choice=system.tune())
        elif name == "renew":
            del system
            system = make(job)
            say()
        elif name == "write":
            write_result(Path(command["path"]), command["result"], packages)
            say()
        else:
            say(**timed(system, name, command))


def timed(system: System, name: str, command: dict[str, Any]) -> dict[str, Any]:
    """Do one thing and say how long it took, by the clock and in processor time."""
    processor, clock = time.process_time(), time.perf_counter()
    result = (
        system.score(command["epochs"])
        if name == "score"
        else (system.train() if name == "train" else system.predict())
    )
    reply: dict[str, Any] = {
        "seconds": time.perf_counter() - clock,
        "processor_seconds": time.process_time() - processor,
    }
    if name == "predict":
        reply["answers"] = len(result)
    if name == "score":
        reply["scores"] = result
    return reply
