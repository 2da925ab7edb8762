"""The demo: a missing package, and the folder it writes to."""

from __future__ import annotations

import pytest

from tfreg.cli import main
from tfreg.cli.demo import free_folder
from tfreg.data import demo


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
