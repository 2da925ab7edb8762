"""A fit that is killed at any moment ends in the same bits as one that was not."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
# 16 rows, one a batch, 2 batches an update: 8 updates in each of 3 epochs; entries
# after the 3rd and 6th of an epoch, or its 1st, 4th, 7th, and at its end.
FIXED = [
    ("batch begin", 1),  # nothing was done
    ("batch end", 1),
    ("written", 1),
    ("batch end", 4),
    ("batch end", 8),  # the last of an epoch, not scored yet
    ("test batch end", 1),  # while it is scored
    ("epoch end", 1),  # scored, not written
    ("epoch begin", 2),
    ("half written", 4),
    ("before the name", 5),
    ("after the name", 3),  # and the old one still there
    ("batch end", 24),  # the last of all
]
IN_CI = (FIXED[8],)


class Server:
    """The process that forks for every fit."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.callbacks.killed_fit"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True,
        )  # fmt: skip

    def fit(self, folder, result, when=None):
        about = {"folder": str(folder), "result": str(result), "when": when}
        self.process.stdin.write(json.dumps(about) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@pytest.fixture(scope="module")
def server():
    made = Server()
    yield made
    made.process.stdin.close()
    assert made.process.wait(60) == 0


@pytest.fixture(scope="module")
def whole(server, tmp_path_factory):
    """What a fit that nobody killed ends with, and all that happened in it."""
    place = tmp_path_factory.mktemp("whole")
    assert server.fit(place / "checkpoints", place / "result") == 0
    seen = json.loads((place / "result.seen").read_text())
    found = dict(np.load(place / "result"))
    assert {"random python", "random numpy", "random keras"} < found.keys()
    return found, seen


def check(server, whole, when, place):
    _, seen = whole
    assert when[1] <= seen[when[0]]
    kill(server, when, place)
    again = go_on(server, whole, place)
    if when[1] > 2 and when[0].startswith("batch"):
        assert again["batch begin"] < seen["batch begin"]  # it did go on


def kill(server, when, place):
    killed = server.fit(place / "checkpoints", place / "result", list(when))
    assert killed == -signal.SIGKILL
    assert not (place / "result").exists()


def go_on(server, whole, place):
    """All that happens until the same end."""
    expected, _ = whole
    assert server.fit(place / "checkpoints", place / "result") == 0
    found = dict(np.load(place / "result"))
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
    return json.loads((place / "result.seen").read_text())


@pytest.mark.parametrize("when", IN_CI, ids=str)
def test_killed(when, server, whole, tmp_path):
    check(server, whole, when, tmp_path)


def test_past_a_damaged_entry(server, whole, tmp_path):
    kill(server, ("batch end", 12), tmp_path)
    older, newest = sorted((tmp_path / "checkpoints").iterdir())
    assert (int(older.name), int(newest.name)) == (8, 9)
    changing = newest / "changing.npz"
    changing.write_bytes(changing.read_bytes()[:-1])
    again = go_on(server, whole, tmp_path)
    assert again["batch begin"] == whole[1]["batch begin"] - 8


@pytest.mark.slow
@pytest.mark.parametrize("when", [p for p in FIXED if p not in IN_CI], ids=str)
def test_killed_anywhere(when, server, whole, tmp_path):
    check(server, whole, when, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("draw", range(12))
def test_killed_at_random(draw, server, whole, tmp_path):
    moments = range(1, whole[1]["anything"] + 1)
    moment = random.Random(0).sample(moments, 12)[draw]
    check(server, whole, ("anything", moment), tmp_path)
