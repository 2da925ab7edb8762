"""What a command does to its process: warnings in one line, a tidy end, no noise."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import warnings

import pytest

from tfreg._checks import DataWarning
from tfreg.cli.session import die_tidily, show_warnings_in_one_line


def test_warnings_about_data_are_one_line(capsys):
    with show_warnings_in_one_line():
        for _ in range(2):
            warnings.warn("3 texts are empty", DataWarning, stacklevel=1)
    line = "tfreg: warning: 3 texts are empty\n"
    assert capsys.readouterr().err == 2 * line


def test_other_warnings_stay_as_they_are(capsys):
    seen = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_, **__: seen.append(str(message))
        with show_warnings_in_one_line():
            warnings.warn("old", UserWarning, stacklevel=1)
    assert seen == ["old"] and capsys.readouterr().err == ""


def test_sigterm_is_an_exception_while_a_command_runs():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as stop:
        with die_tidily():
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
    assert stop.value.code == 143
    assert signal.getsignal(signal.SIGTERM) == before


def test_tensorflow_starts_in_silence():
    code = "from tfreg.cli.session import start_keras; start_keras()"
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**environment, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert done.stderr == ""
