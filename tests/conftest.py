"""What all tests share: quiet libraries, no display, and the data sets if present."""

from __future__ import annotations

import gc
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import tfreg  # noqa: F401  (before TensorFlow, as users are asked to)

# Read by the libraries when they are first imported.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")
if "PYTEST_XDIST_WORKER" in os.environ:
    # There is a process for each processor: threads of its own would be in its way.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")

BESIDE_REPOSITORY = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(autouse=True, scope="module")
def _seeded_module() -> None:
    """Fixtures of a module start from the same random numbers in every run."""
    random.seed(0)


@pytest.fixture(autouse=True, scope="module")
def _graphs_let_go() -> Iterator[None]:
    """TensorFlow keeps every graph with a gradient of its own, for good.

    Left alone, a process that runs all tests grows to gigabytes, and every full
    collection of garbage (a search does one a trial) takes seconds.
    """
    yield
    if "tfreg._compat" in sys.modules:
        from tfreg import _compat

        _compat.let_go_of_graphs()
        gc.collect()
        gc.freeze()  # what is left stays: the next collections need not look at it


@pytest.fixture(autouse=True)
def _seeded(_seeded_module: None) -> None:
    """So does each test: Keras draws its seeds from Python's generator."""
    random.seed(0)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of data sets; a test that asks for it is skipped where it is not."""
    folder = Path(os.environ.get("TFREG_DATA") or BESIDE_REPOSITORY)
    if not folder.is_dir():
        pytest.skip("the data sets are not here: set TFREG_DATA to their folder")
    return folder


@pytest.fixture
def ids():
    """A batch as a model without a tokenizer takes it, with padding."""
    random = np.random.default_rng(0)
    mask = np.array([[1] * 8, [1] * 5 + [0] * 3, [1] * 8, [1] * 2 + [0] * 6], "int32")
    x = {
        "token_ids": random.integers(5, 40, (4, 8)).astype("int32") * mask,
        "padding_mask": mask,
        "segment_ids": np.zeros((4, 8), "int32"),
    }
    return x, np.array([0, 1, 1, 0], "int32")
