"""What all tests share: quiet libraries, no display, and the data sets if present."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Read by the libraries when they are first imported.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")

BESIDE_REPOSITORY = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of data sets; a test that asks for it is skipped where it is not."""
    folder = Path(os.environ.get("TFREG_DATA") or BESIDE_REPOSITORY)
    if not folder.is_dir():
        pytest.skip("the data sets are not here: set TFREG_DATA to their folder")
    return folder
