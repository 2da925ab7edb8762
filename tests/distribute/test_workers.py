"""Several processes fit together; stopped, they go on; one lost, the others end."""

from __future__ import annotations

import signal

import numpy as np
import pytest

from tests.models.devices import run_on, run_on_workers

STOPPED = "tests.distribute.stopped"


def check_went_on(found):
    names = [name.removeprefix("whole/") for name in found if name.startswith("whole")]
    assert len(names) > 70
    assert found["entries"].tolist() == ["000000000006", "000000000008"]
    for name in names:
        whole, again = found[f"whole/{name}"], found[f"again/{name}"]
        np.testing.assert_allclose(whole, again, atol=1e-6, err_msg=name)


@pytest.mark.slow
def test_two_devices_go_on(tmp_path):
    check_went_on(run_on(2, "stopped", tmp_path, "tests.distribute"))


@pytest.mark.slow
def test_workers_go_on(tmp_path):
    for done in run_on_workers(2, STOPPED, tmp_path):
        assert done.returncode == 0, done.stderr[-3000:]
    found = [dict(np.load(tmp_path / f"worker-{number}.npz")) for number in (0, 1)]
    check_went_on(found[0])
    for name, value in found[0].items():
        np.testing.assert_array_equal(value, found[1][name], err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("dies", [1, 0])
def test_where_one_dies_the_others_end(tmp_path, dies):
    done = run_on_workers(2, STOPPED, tmp_path, str(dies))
    assert done[dies].returncode == -signal.SIGKILL
    left = done[1 - dies]
    assert left.returncode == 1
    said = left.stderr.splitlines()[-1]
    assert said.startswith("tfreg._checks.WorkerLost: another worker is gone")
    assert (tmp_path / "checkpoints" / "000000000008").is_dir()


@pytest.mark.slow
def test_after_a_death_all_go_on(tmp_path):
    run_on_workers(2, STOPPED, tmp_path, "1")
    for done in run_on_workers(2, STOPPED, tmp_path, "-1"):
        assert done.returncode == 0, done.stderr[-3000:]
    for number in (0, 1):
        check_went_on(dict(np.load(tmp_path / f"worker-{number}.npz")))


@pytest.mark.slow
def test_keras_cannot_do_it_yet(tmp_path):
    """Where it can, `_compat.OnWorkers` has nothing to mend, and can go."""
    run_on_workers(2, "tests.distribute.keras_on_workers", tmp_path)
    for number in (0, 1):
        raised = str(np.load(tmp_path / f"worker-{number}.npz")["raised"])
        assert raised == "ValueError"
