"""What is no run folder, and what is broken in one, is told in one line."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tfreg._checks import InputError
from tfreg.runs.run import read_run, to_json


@pytest.fixture
def folder(tmp_path):
    """The smallest folder that reads as a run."""
    (tmp_path / "model.keras").touch()
    (tmp_path / "recipe.json").write_text("{}")
    (tmp_path / "labels.json").write_text('["a", "b"]')
    (tmp_path / "metrics.json").write_text('{"task": "classify"}')
    (tmp_path / "run.json").write_text('{"kind": "text"}')
    return tmp_path


def test_a_run_is_read_without_its_model(folder):
    run = read_run(folder)
    assert (run.task, run.kind, run.labels) == ("classify", "text", ["a", "b"])


def test_missing_folders_and_other_folders(tmp_path):
    with pytest.raises(InputError, match="nowhere: no such folder"):
        read_run(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"not a run folder \(no model.keras in it\)"):
        read_run(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file: not a run folder"):
        read_run(tmp_path / "file")


@pytest.mark.parametrize("name", ["recipe", "labels", "metrics", "run"])
def test_a_missing_or_broken_file_is_named(folder, name):
    (folder / f"{name}.json").write_text("{")
    with pytest.raises(InputError, match=f"{name}.json: not a JSON file"):
        read_run(folder)
    (folder / f"{name}.json").unlink()
    with pytest.raises(InputError, match=f"{name}.json: No such file"):
        read_run(folder)


@pytest.mark.parametrize("name, key", [("metrics", "task"), ("run", "kind")])
def test_a_missing_key_is_named(folder, name, key):
    (folder / f"{name}.json").write_text("[]")
    with pytest.raises(InputError, match=f"{name}.json: has no `{key}`"):
        read_run(folder)


def test_json_has_no_numbers_that_are_not_finite():
    content = {"a": [np.float32(0.5), float("nan")], "b": (np.int64(2), float("inf"))}
    assert json.loads(to_json(content)) == {"a": [0.5, None], "b": [2, None]}
    assert "标签" in to_json(["标签"])
