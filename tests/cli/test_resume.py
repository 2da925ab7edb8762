"""``tfreg train --resume``: a stopped command goes on, and says what it will not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras_hub
import numpy as np
import pytest
from keras import ops

from tests.tiny_preset import write_reviews
from tfreg.callbacks import ExactCheckpoint
from tfreg.cli import main
from tfreg.models import load_model

ROOT = Path(__file__).parents[2]
SIZES = {"train": 24, "dev": 8}
QUICK = "--batch-size 4 --sequence-length 16 --learning-rate 1e-2 --epochs 3 --quiet"


class Stopped(BaseException):
    """What a kill would be: nothing catches it."""


@pytest.fixture
def words(tmp_path, preset):
    """The command, on some data."""
    films = write_reviews(tmp_path / "films", SIZES)
    given = ["--data", str(films), "--preset", preset, *QUICK.split()]
    return ["train", "classify", *given, "--checkpoint-every", "4"]


@pytest.fixture
def train(words, tmp_path):
    """Runs the command, into the same folder."""

    def run(*more, out="run"):
        return main([*words, "--out", str(tmp_path / out), *more])

    return run


@pytest.fixture
def stopped(train, monkeypatch):
    """A command that ended in its second epoch."""
    write = ExactCheckpoint._write

    def written(self, epoch, step, *rest):
        write(self, epoch, step, *rest)
        if (epoch, step) == (1, 2):
            raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(ExactCheckpoint, "_write", written)
        with pytest.raises(Stopped):
            train()


def weights(folder):
    return [np.asarray(weight) for weight in load_model(folder).weights]


def test_goes_on(train, stopped, tmp_path):
    assert not (tmp_path / "run").exists()
    assert (tmp_path / ".run.checkpoints").exists()
    assert train(out="whole") == 0
    assert train("--resume") == 0
    for mine, theirs in zip(weights(tmp_path / "run"), weights(tmp_path / "whole")):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-6)
    assert not (tmp_path / ".run.checkpoints").exists()
    assert not (tmp_path / ".whole.checkpoints").exists()


def test_the_time_before_the_stop_counts(train, stopped, monkeypatch, tmp_path):
    """As if it had been an hour: what `seconds` and the speed are told by."""
    begin = ExactCheckpoint.begin

    def begun(self, *args):
        found = begin(self, *args)
        assert 0 < self.spent < 600
        self.spent += 3600
        return found

    monkeypatch.setattr(ExactCheckpoint, "begin", begun)
    assert train("--resume") == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert 3600 < metrics["seconds"] < 4800
    assert 0 < metrics["real_tokens_per_second"] < 1


def test_says_that_one_waits(train, stopped, tmp_path, capsys):
    assert train() == 2
    error = capsys.readouterr().err
    assert "a fit was stopped, and waits in" in error and "say --resume" in error
    assert (tmp_path / ".run.checkpoints").exists()
    assert train("--overwrite") == 0
    assert not (tmp_path / ".run.checkpoints").exists()


def test_with_other_settings(train, stopped, tmp_path, capsys):
    assert train("--resume", "--dropout", "0.4") == 2
    error = capsys.readouterr().err
    assert "recipe.dropout was 0.1, is 0.4; give" in error
    assert "--allow-changes NAME" in error
    write_reviews(tmp_path / "films", {"train": 24, "dev": 6})
    assert train("--resume") == 2
    assert "data.dev was" in capsys.readouterr().err
    assert train("--allow-changes", "data.dev") == 2
    assert "--allow-changes needs --resume" in capsys.readouterr().err
    assert train("--resume", "--allow-changes", "data.dev") == 0
    assert "allowed to change: data.dev was" in capsys.readouterr().err


def test_with_another_preset(train, stopped, preset, tmp_path, capsys):
    other = str(shutil.copytree(preset, tmp_path / "other"))
    backbone = keras_hub.models.Backbone.from_preset(other)
    backbone.token_embedding.embeddings.assign_add(ops.full((24, 32), 1e-3))
    backbone.save_to_preset(other)
    assert train("--resume", "--preset", other) == 2
    error = capsys.readouterr().err
    assert 'preset was "tiny", is "other"; weights was' in error


def test_resume_with_nothing_there_begins(train):
    assert train("--resume") == 0


def test_deterministic_twice(words, tmp_path):
    """In two processes, in which even sets have another order."""
    command = [sys.executable, "-m", "tests.cli.digested"]
    processes = [
        subprocess.Popen(
            [*command, str(tmp_path / f"{n}.json"), *words, "--deterministic"]
            + ["--out", str(tmp_path / f"run-{n}")],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": str(n)},
            cwd=ROOT,
        )
        for n in (1, 2)
    ]
    assert [process.wait() for process in processes] == [0, 0]
    one, two = (json.loads((tmp_path / f"{n}.json").read_text()) for n in (1, 2))
    assert one == two and one.keys() == {"parameters", "slots", "history"}
