"""The fits of a trial: those that are stopped go on, or begin anew."""

from __future__ import annotations

import pytest

from tests.tuning.conftest import corpus_of
from tfreg._checks import DataWarning
from tfreg.callbacks import ExactCheckpoint
from tfreg.tuning import LogUniform, rounds, search
from tfreg.tuning.rounds import Rounds

QUICK = {"epochs": 2, "learning_rate": 1e-2, "batch_size": 8, "sequence_length": 16}


class Killed(BaseException):
    """What SIGKILL would be: nothing catches it."""


def run(preset, out):
    space = {"dropout": LogUniform(0.1, 0.5)}
    return search(corpus_of("classify"), preset, space, out=out, trials=1, **QUICK)


@pytest.fixture(autouse=True)
def _each_epoch_is_written(monkeypatch):
    monkeypatch.setattr(rounds, "APART", 0.0)


@pytest.fixture(scope="module")
def whole(preset, tmp_path_factory):
    """What a search that nobody killed finds."""
    return run(preset, tmp_path_factory.mktemp("whole"))


@pytest.fixture
def epochs(monkeypatch):
    """Epochs that were fitted, by trial."""
    seen = []
    end = ExactCheckpoint.on_epoch_end

    def on_epoch_end(self, epoch, logs=None):
        end(self, epoch, logs)
        seen.append((self.folder.parent.name, epoch))

    monkeypatch.setattr(ExactCheckpoint, "on_epoch_end", on_epoch_end)
    return seen


def kill(preset, out, trial, monkeypatch):
    """A search whose process ends after the first epoch of a trial."""
    end = ExactCheckpoint.on_epoch_end

    def on_epoch_end(self, epoch, logs=None):
        end(self, epoch, logs)
        if self.folder.parent.name == trial:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(ExactCheckpoint, "on_epoch_end", on_epoch_end)
        with pytest.raises(Killed):
            run(preset, out)


def check_equal(found, whole):
    ours, expected = ((*one.baselines, *one.trials) for one in (found, whole))
    for mine, theirs in zip(ours, expected, strict=True):
        assert mine.name == theirs.name and len(mine.rounds) == 1
        assert mine.rounds[0] == pytest.approx(theirs.rounds[0], rel=1e-5)


def test_killed_between_epochs(preset, whole, epochs, tmp_path, monkeypatch):
    """The same scores as without the kill, and the first epoch is not fitted again."""
    kill(preset, tmp_path, "0", monkeypatch)
    check_equal(run(preset, tmp_path), whole)
    assert epochs == [("default", 0), ("default", 1), ("0", 0), ("0", 1)]


@pytest.mark.parametrize(
    "trial", ["default", pytest.param("0", marks=pytest.mark.slow)]
)
def test_a_damaged_entry_costs_a_fit(
    trial, preset, whole, epochs, tmp_path, monkeypatch
):
    """It begins anew, and no trial fails for it."""
    kill(preset, tmp_path, trial, monkeypatch)
    (entry,) = (tmp_path / "running" / trial / "0").iterdir()
    (entry / "changing.npz").write_bytes(b"half")
    with pytest.warns(DataWarning, match=f"{trial}/0: all .* the fit begins anew"):
        found = run(preset, tmp_path)
    check_equal(found, whole)
    assert epochs.count((trial, 0)) == 2 and epochs.count((trial, 1)) == 1
    assert not list((tmp_path / "running").iterdir())


def test_folds_leave_out_each_row_once(preset, tmp_path):
    corpus = corpus_of("classify")
    made = Rounds(corpus, preset, 1, 5, "accuracy", tmp_path, "x")
    held_out = [row for _, dev in made.splits for row in dev.inputs]
    assert sorted(held_out) == sorted(corpus.train.inputs)
    for train, dev in made.splits:
        assert not set(train.inputs) & set(dev.inputs)
        assert len(train) + len(dev) == len(corpus.train)


def test_short_fits_write_no_checkpoints(preset, whole, tmp_path, monkeypatch):
    def write(*args):
        raise AssertionError

    monkeypatch.setattr(rounds, "APART", 60.0)
    monkeypatch.setattr("tfreg.callbacks.exact_checkpoint.write_sealed", write)
    check_equal(run(preset, tmp_path), whole)
