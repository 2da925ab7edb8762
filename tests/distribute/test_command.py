"""``tfreg train`` in two workers: one is killed, both are started again."""

from __future__ import annotations

import signal

import numpy as np
import pytest

from tests.models.devices import run_on_workers
from tests.tiny_preset import save_tiny_preset, write_reviews
from tfreg.cli import main
from tfreg.models import load_model

QUICK = (
    "--batch-size 4 --sequence-length 16 --learning-rate 1e-3 --epochs 3 --dropout 0 "
    "--backbone-dropout 0 --attention-dropout 0 --quiet --checkpoint-every 4"
)


@pytest.mark.slow
def test_a_killed_command_goes_on_and_is_that_of_one_process(tmp_path):
    films = write_reviews(tmp_path / "films", {"train": 24, "dev": 8})
    preset = save_tiny_preset(tmp_path / "preset")
    words = ["train", "classify", "--data", str(films), "--preset", str(preset)]
    words += QUICK.split()

    def on_workers(dies: int, *more: str):
        run = [*words, "--strategy", "multiworker", "--out", str(tmp_path / "run")]
        command = "tests.distribute.command"
        return run_on_workers(2, command, tmp_path, str(dies), *run, *more)

    chief, killed = on_workers(1)
    assert killed.returncode == -signal.SIGKILL
    assert chief.returncode == 1
    assert chief.stderr.splitlines()[-1].startswith(
        "tfreg: error: another worker is gone"
    )
    assert not (tmp_path / "run").exists()
    assert (tmp_path / ".run.checkpoints").exists()

    for done in on_workers(-1, "--resume"):
        assert done.returncode == 0, done.stderr[-3000:]
    assert not (tmp_path / ".run.checkpoints").exists()

    assert main([*words, "--out", str(tmp_path / "alone")]) == 0
    found, wanted = load_model(tmp_path / "run"), load_model(tmp_path / "alone")
    for mine, theirs in zip(found.weights, wanted.weights):
        np.testing.assert_allclose(mine, theirs, atol=1e-6, err_msg=mine.path)
