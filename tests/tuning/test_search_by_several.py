"""A chief and two workers on one host."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.models.devices import free_ports

ROOT = Path(__file__).parents[2]


def start(name, port, preset, folder, **more):
    environment = {
        **os.environ,
        "KERASTUNER_TUNER_ID": name,
        "KERASTUNER_ORACLE_IP": "127.0.0.1",
        "KERASTUNER_ORACLE_PORT": str(port),
        "PYTHONPATH": str(ROOT),
        **more,
    }
    words = [sys.executable, "-m", "tests.tuning.worker", preset, str(folder)]
    return subprocess.Popen(words, env=environment, cwd=ROOT)


@pytest.fixture
def port():
    return free_ports(1)[0]


def check(folder):
    with (folder / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["trial"] for row in rows] == ["default", "0", "1", "2", "3"]
    assert all(row["fits"] == "1" for row in rows)
    lines = [
        json.loads(line)
        for path in folder.glob("rounds-*.jsonl")
        for line in path.read_text().splitlines()
    ]
    assert len(lines) == 5  # nothing was done twice


def test_two_workers(preset, tmp_path, port):
    out = tmp_path / "out"
    names = ("chief", "tuner0", "tuner1")
    started = [start(name, port, preset, out) for name in names]
    assert [one.wait(300) for one in started] == [0, 0, 0]
    check(out)
    assert all((out / f"rounds-{name}.jsonl").exists() for name in names)


@pytest.mark.slow
def test_a_worker_that_dies_loses_only_its_trial_and_takes_it_up(
    preset, tmp_path, port
):
    out = tmp_path / "out"
    chief = start("chief", port, preset, out)
    dying = start("tuner0", port, preset, out, TFREG_TEST_DIES="1")
    assert dying.wait(300) == -signal.SIGKILL
    others = [start(name, port, preset, out) for name in ("tuner0", "tuner1")]
    assert [one.wait(300) for one in (chief, *others)] == [0, 0, 0]
    check(out)


def start_with_a_dying_one(port, preset, out, *others, patience):
    """A chief, and others, once a worker beside them has died in its first trial."""
    more = {"TFREG_TEST_PATIENCE": str(patience)}
    left = [start(name, port, preset, out, **more) for name in ("chief", *others)]
    dying = start("tuner0", port, preset, out, TFREG_TEST_DIES="1", **more)
    assert dying.wait(300) == -signal.SIGKILL
    return left


@pytest.mark.slow
def test_the_trial_of_a_dead_worker_goes_to_another(preset, tmp_path, port):
    out = tmp_path / "out"
    left = start_with_a_dying_one(port, preset, out, "tuner1", patience=15)
    assert [one.wait(300) for one in left] == [0, 0]
    check(out)
    again = [start(name, port, preset, out) for name in ("chief", "tuner1")]
    assert [one.wait(300) for one in again] == [0, 0]
    check(out)


@pytest.mark.slow
def test_without_workers_the_chief_ends(preset, tmp_path, port):
    out = tmp_path / "out"
    (chief,) = start_with_a_dying_one(port, preset, out, patience=5)
    assert chief.wait(300) == 1
