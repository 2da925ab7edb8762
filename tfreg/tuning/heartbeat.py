"""Signs of life of the workers of a search, in files that its chief reads."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tfreg import _compat
from tfreg._checks import DataWarning, WorkerLost

EVERY = 5.0  # seconds from one sign to the next
PATIENCE = 60.0  # without a sign, after which a worker is given up


@contextmanager
def heartbeat(folder: Path, name: str) -> Iterator[None]:
    """Give signs of life under a name while the body runs."""
    folder.mkdir(parents=True, exist_ok=True)
    over = threading.Event()

    def beat() -> None:
        number = 0
        while not over.is_set():
            with suppress(OSError):  # a full disk, a share that is away for a moment
                (folder / name).write_text(f"{time.time()} {number}", encoding="ascii")
            number += 1
            over.wait(EVERY)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        (folder / name).unlink(missing_ok=True)


class Watch:
    """Gives up workers of an oracle that give no sign, so that others run their trials.

    Signs are compared by the chief's clock alone; those of other hosts may be wrong.

    Args:
        oracle: of `make_oracle`, that gives out the trials.
        folder: of the signs.
    """

    def __init__(self, oracle: Any, folder: Path) -> None:
        self.oracle = oracle
        self.folder = folder
        self._seen: dict[str, tuple[str, float]] = {}
        self._last: float | None = None  # sign of anybody

    def __call__(self) -> None:
        """Look once.

        Raises:
            WorkerLost: nobody is left, and trials are.

        Warns:
            DataWarning: a worker is given up.
        """
        now = time.monotonic()
        waited_for = _compat.workers_of(self.oracle)
        for name in waited_for:
            sign = self._sign(name)
            if name not in self._seen or self._seen[name][0] != sign:
                self._seen[name] = sign, now
                self._last = now
            elif now - self._seen[name][1] > PATIENCE:
                del self._seen[name]
                trial = self.oracle.give_up(name)
                told = "" if trial is None else f"; its trial {trial} goes to another"
                warnings.warn(
                    f"worker {name} gives no sign of life{told}",
                    DataWarning,
                    stacklevel=2,
                )
        if not waited_for and self._last and now - self._last > 2 * PATIENCE:
            raise WorkerLost(
                "no worker is left, and trials are; start the chief and workers again: "
                "the search goes on where it was"
            )

    def _sign(self, name: str) -> str:
        try:
            return (self.folder / name).read_text(encoding="ascii")
        except OSError:  # not there yet, or no more
            return ""
