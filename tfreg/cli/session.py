"""How the process behaves while a command runs."""

from __future__ import annotations

import importlib
import os
import re
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tfreg._checks import DataWarning

_NOTE = re.compile(r"I0000 |WARNING: All log messages before absl::InitializeLog")


@contextmanager
def die_tidily() -> Iterator[None]:
    """Make SIGTERM an exception, so that half-written folders are taken away."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set signal handlers
        return
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(number: int, frame: Any) -> None:
    raise SystemExit(128 + number)


def start_keras() -> None:
    """Import Keras and TensorFlow without the notes TensorFlow writes about itself.

    They go straight to file descriptor 2, whatever `TF_CPP_MIN_LOG_LEVEL` says, and
    would bury the one line an error has. Anything else written there is kept.
    """
    if "tfreg.builders" in sys.modules:
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as notes:
        kept = os.dup(2)
        os.dup2(notes.fileno(), 2)
        try:
            importlib.import_module("tfreg.builders")
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            notes.seek(0)
            for line in notes.read().decode("utf-8", "replace").splitlines():
                if not _NOTE.match(line):
                    print(line, file=sys.stderr)


@contextmanager
def show_warnings_in_one_line() -> Iterator[None]:
    """Print warnings about data like errors: without the line of code they are from."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", DataWarning)
        usual = warnings.showwarning

        def show(message: Any, category: Any, *rest: Any, **more: Any) -> None:
            if issubclass(category, DataWarning):
                print(f"tfreg: warning: {message}", file=sys.stderr)
            else:
                usual(message, category, *rest, **more)

        warnings.showwarning = show
        yield
