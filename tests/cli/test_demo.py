"""The demo: a missing package, and the folder it writes to."""

from __future__ import annotations

import pytest

from tfreg import runs
from tfreg._checks import InputError
from tfreg.cli import main
from tfreg.cli.demo import free_folder
from tfreg.data import demo
from tfreg.data.examples import Examples


@pytest.mark.parametrize("task", ["classify", "tag"])
def test_a_missing_package_names_the_extra(monkeypatch, capsys, tmp_path, task):
    monkeypatch.setattr(demo.importlib.util, "find_spec", lambda _: None)
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--task", task]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("tfreg: error: ")
    assert 'pip install "tfreg[demo]"' in error
    assert list(tmp_path.iterdir()) == []


def test_a_free_folder_is_found(tmp_path):
    assert free_folder(tmp_path, "demo").name == "demo"
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo-2").mkdir()
    assert free_folder(tmp_path, "demo").name == "demo-3"


@pytest.mark.parametrize(("more", "resume"), [([], True), (["--overwrite"], False)])
def test_one_that_was_stopped_goes_on(more, resume, monkeypatch, tmp_path):
    """It says so to what trains; how that goes on is tested there."""
    rows = Examples("text", ("a", "b"), ("neg", "pos"))
    splits = {"train": rows, "dev": rows, "test": rows}
    made = ("classify", splits, ("neg", "pos"))
    monkeypatch.setattr(demo, "demo_splits", lambda _: made)
    said = []

    def fit_run(*_, **given):
        said.append((given["resume"], given["overwrite"]))
        raise InputError("enough")

    monkeypatch.setattr(runs, "fit_run", fit_run)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / ".demo-classify.checkpoints").mkdir(parents=True)
    assert main(["demo", *more]) == 2
    assert said == [(resume, not resume)]
