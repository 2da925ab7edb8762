"""A chief gives up workers that give no sign of life."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tfreg import _compat
from tfreg._checks import DataWarning, WorkerLost
from tfreg.tuning import Uniform, heartbeat
from tfreg.tuning.heartbeat import PATIENCE, Watch
from tfreg.tuning.journal import Journal
from tfreg.tuning.oracles import make_oracle, replay


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

    made = Clock()
    monkeypatch.setattr(heartbeat.time, "monotonic", made.monotonic)
    return made


def make(folder):
    space, objective = {"l2": Uniform(0.0, 1.0)}, ("score", "max")
    made = make_oracle("random", space, objective, trials=3, epochs=1, seed=0)
    made._set_project_dir(str(folder), "project")
    return made


@pytest.fixture
def oracle(tmp_path):
    return make(tmp_path)


def sign(folder, name, text):
    (folder / name).write_text(text, encoding="ascii")


def test_its_trial_goes_to_the_next_who_asks(oracle, tmp_path, clock):
    first = oracle.create_trial("a")
    oracle.create_trial("b")
    look = Watch(oracle, tmp_path)
    sign(tmp_path, "a", "0")
    look()
    clock.now += PATIENCE / 2
    sign(tmp_path, "b", "0")
    look()
    clock.now += PATIENCE / 2 + 1
    with pytest.warns(DataWarning, match="worker a gives no sign of life; its trial 0"):
        look()
    assert _compat.workers_of(oracle) == {"b"}
    assert oracle.create_trial("c").trial_id == first.trial_id


def test_one_that_gives_signs_stays(oracle, tmp_path, clock):
    oracle.create_trial("a")
    look = Watch(oracle, tmp_path)
    for number in range(5):
        sign(tmp_path, "a", str(number))
        look()
        clock.now += PATIENCE - 1
    assert _compat.workers_of(oracle) == {"a"}


def test_when_all_are_gone_it_ends(oracle, tmp_path, clock):
    look = Watch(oracle, tmp_path)
    clock.now += 10 * PATIENCE
    look()  # it waits for the first as long as that takes
    oracle.create_trial("a")
    look()
    clock.now += PATIENCE + 1
    with pytest.warns(DataWarning, match="worker a"):
        look()
    clock.now += PATIENCE
    with pytest.raises(WorkerLost, match="no worker is left, and trials are"):
        look()


def test_signs_are_given_while_it_works(tmp_path):
    with heartbeat.heartbeat(tmp_path / "alive", "a"):
        while not list((tmp_path / "alive").iterdir()):
            pass
    assert list((tmp_path / "alive").iterdir()) == []


def test_a_sign_that_cannot_be_written_is_not_the_last(tmp_path, monkeypatch):
    tried, again = [], threading.Event()

    def full_at_first(path, *_, **__):
        tried.append(path)
        if len(tried) == 1:
            raise OSError(28, "No space left on device")
        again.set()

    monkeypatch.setattr(Path, "write_text", full_at_first)
    monkeypatch.setattr(heartbeat, "EVERY", 0.01)
    with heartbeat.heartbeat(tmp_path, "a"):
        assert again.wait(60)
    assert set(tried) == {tmp_path / "a"}


def test_a_search_that_lost_a_worker_is_taken_up(oracle, tmp_path):
    """Its journal says who was given up, and so why a trial begins a second time."""
    journal = Journal(tmp_path / "trials.jsonl")
    replay(oracle, journal)
    lost, running = oracle.create_trial("a"), oracle.create_trial("b")
    assert oracle.give_up("a") == "0" and oracle.give_up("nobody") is None
    again = oracle.create_trial("c")
    assert again.trial_id == lost.trial_id
    oracle.update_trial(again.trial_id, {"score": 0.5})
    again.status = "COMPLETED"
    oracle.end_trial(again)
    later = make(tmp_path / "later")
    replay(later, journal)
    assert later.create_trial("a").trial_id == running.trial_id
    assert later.create_trial("c").trial_id not in (lost.trial_id, running.trial_id)
    assert later.trials[lost.trial_id].status == "COMPLETED"
