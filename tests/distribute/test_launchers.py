"""The launchers in examples/distribute tell every worker where all of them are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tfreg.distribute.cluster import Cluster, read_cluster

EXAMPLES = Path(__file__).parents[2] / "examples" / "distribute"


def stand_in(folder, name, script):
    """A command of that name, in a folder that comes first."""
    path = folder / name
    path.write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def commands(tmp_path, monkeypatch):
    stand_in(tmp_path, "tfreg", 'echo "$TF_CONFIG"; echo "$@"')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def test_slurm(commands, monkeypatch):
    stand_in(commands, "scontrol", "[[ $1 == show ]] && printf 'one\\ntwo\\n'")
    # Runs the command as the second task does.
    stand_in(commands, "srun", 'shift; SLURM_PROCID=1 exec "$@"')
    monkeypatch.setenv("SLURM_JOB_NODELIST", "[one,two]")
    config, said = run("bash", str(EXAMPLES / "slurm.sh"), "train", "x y").splitlines()
    monkeypatch.setenv("TF_CONFIG", config)
    assert read_cluster() == Cluster(("one:23456", "two:23456"), 1)
    assert said == "train x y --strategy multiworker --resume"


@pytest.mark.parametrize("code, requeued", [(0, False), (1, True), (2, False)])
def test_slurm_puts_back_what_may_go_on(
    commands, monkeypatch, tmp_path, code, requeued
):
    asked = tmp_path / "asked"
    stand_in(
        commands, "scontrol", f"[[ $1 != requeue ]] || echo $2 > {asked}; echo one"
    )
    stand_in(commands, "srun", f"exit {code}")
    monkeypatch.setenv("SLURM_JOB_NODELIST", "one")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    done = subprocess.run(["bash", str(EXAMPLES / "slurm.sh")], check=False)
    assert done.returncode == code and asked.exists() == requeued


def test_kubernetes(commands, monkeypatch):
    text = (EXAMPLES / "kubernetes.yaml").read_text(encoding="utf-8")
    service, job = yaml.safe_load_all(text)
    pod = job["spec"]["template"]["spec"]
    assert pod["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["selector"]["job-name"] == job["metadata"]["name"]
    (container,) = pod["containers"]
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "1")
    words = [*container["command"], *container["args"]]
    config, said = run(*words).splitlines()
    monkeypatch.setenv("TF_CONFIG", config)
    assert job["spec"]["completions"] == 2
    assert read_cluster() == Cluster(("tfreg-0.tfreg:23456", "tfreg-1.tfreg:23456"), 1)
    assert said.startswith("train classify --data /data/reviews")


def test_workers_on_this_machine(commands, monkeypatch):
    script = str(EXAMPLES / "two_workers.py")
    lines = run(sys.executable, script, "tfreg", "train", "--quiet").splitlines()
    configs = [line for line in lines if line.startswith("{")]
    numbers = set()
    for config in configs:
        monkeypatch.setenv("TF_CONFIG", config)
        numbers.add(read_cluster().number)
    assert numbers == {0, 1} and lines.count("train --quiet") == 2


def test_a_worker_that_fails_is_the_exit_code(commands):
    stand_in(commands, "tfreg", "[[ $TF_CONFIG == *'\"index\": 0'* ]] || exit 7")
    script = str(EXAMPLES / "two_workers.py")
    done = subprocess.run([sys.executable, script, "tfreg"], check=False)
    assert done.returncode == 7
