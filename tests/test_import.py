"""The doors open before TensorFlow and Keras are loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("tensorflow", "keras", "keras_hub", "sklearn", "scipy", "matplotlib")


def heavy_after(code: str) -> str:
    """Which of the heavy packages a fresh interpreter has loaded after `code`."""
    report = f"import sys; print('loaded:', *sorted({set(HEAVY)!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1].removeprefix("loaded:").strip()


@pytest.mark.parametrize("name", ["tfreg", "tfreg.recipe", "tfreg.cli"])
def test_importing_is_light(name):
    assert heavy_after(f"import {name}") == ""


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"]])
def test_help_is_light(arguments):
    code = f"""
from tfreg.cli import main
try:
    main({arguments!r})
except SystemExit as stop:
    assert not stop.code, stop.code
"""
    assert heavy_after(code) == ""


def test_the_check_sees_a_heavy_import():
    assert heavy_after("import scipy") == "scipy"
