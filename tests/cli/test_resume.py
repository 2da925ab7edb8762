"""``tfreg train --resume``: a stopped command goes on, and says what it will not."""

from __future__ import annotations

import numpy as np
import pytest
from tensorflow.python.framework import config

from tests.tiny_preset import write_reviews
from tfreg.callbacks import ExactCheckpoint
from tfreg.cli import main
from tfreg.models import load_model

SIZES = {"train": 24, "dev": 8}
QUICK = "--batch-size 4 --sequence-length 16 --learning-rate 1e-2 --epochs 3 --quiet"


class Stopped(BaseException):
    """What a kill would be: nothing catches it."""


@pytest.fixture
def train(tmp_path, preset):
    """Runs the command on some data, into the same folder."""
    write_reviews(tmp_path / "films", SIZES)

    def run(*words, out="run"):
        given = ["--data", str(tmp_path / "films"), "--preset", preset]
        given += [*QUICK.split(), "--checkpoint-every", "4"]
        return main(["train", "classify", *given, "--out", str(tmp_path / out), *words])

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


def test_says_that_one_waits(train, stopped, tmp_path, capsys):
    assert train() == 2
    error = capsys.readouterr().err
    assert "a fit was stopped, and waits in" in error and "say --resume" in error
    assert (tmp_path / ".run.checkpoints").exists()
    assert train("--overwrite") == 0
    assert not (tmp_path / ".run.checkpoints").exists()


def test_with_other_settings(train, stopped, tmp_path, capsys):
    assert train("--resume", "--dropout", "0.4") == 2
    assert "recipe.dropout was 0.1, is 0.4" in capsys.readouterr().err
    write_reviews(tmp_path / "films", {"train": 24, "dev": 6})
    assert train("--resume") == 2
    assert "data.dev was" in capsys.readouterr().err
    assert train("--allow-changes", "data.dev") == 2
    assert "--allow-changes needs --resume" in capsys.readouterr().err
    assert train("--resume", "--allow-changes", "data.dev") == 0


def test_resume_with_nothing_there_begins(train):
    assert train("--resume") == 0


@pytest.fixture
def own_operations():
    """Operations go on as other tests expect them."""
    yield
    config.disable_op_determinism()


def test_deterministic_twice(train, tmp_path, own_operations):
    assert train("--deterministic", out="one") == 0
    assert train("--deterministic", out="two") == 0
    for mine, theirs in zip(weights(tmp_path / "one"), weights(tmp_path / "two")):
        np.testing.assert_array_equal(mine, theirs)
