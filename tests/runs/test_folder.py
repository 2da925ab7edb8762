"""A folder under its name is complete, or it is not there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tfreg._checks import InputError
from tfreg.runs.folder import check_out, new_folder


def write(folder: Path, text: str) -> None:
    (folder / "model.keras").write_text(text)


def test_it_appears_at_the_end(tmp_path):
    out = tmp_path / "run"
    with new_folder(out) as folder:
        write(folder, "new")
        assert not out.exists()
        assert folder.parent == tmp_path
    assert (out / "model.keras").read_text() == "new"
    assert os.listdir(tmp_path) == ["run"]


def test_it_has_the_rights_of_a_plain_folder(tmp_path):
    (tmp_path / "plain").mkdir()
    with new_folder(tmp_path / "run"):
        pass
    modes = {(tmp_path / name).stat().st_mode for name in ("plain", "run")}
    assert len(modes) == 1


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_nothing(tmp_path, error):
    with pytest.raises(error):
        with new_folder(tmp_path / "a" / "b" / "run") as folder:
            write(folder, "half")
            raise error
    assert os.listdir(tmp_path) == []


def test_parents_that_were_there_stay(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(RuntimeError):
        with new_folder(tmp_path / "a" / "b" / "run"):
            raise RuntimeError
    assert os.listdir(tmp_path) == ["a"]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "run").mkdir()
    with new_folder(tmp_path / "run") as folder:
        write(folder, "new")
    assert os.listdir(tmp_path) == ["run"]
    assert os.listdir(tmp_path / "run") == ["model.keras"]


@pytest.fixture
def old_run(tmp_path):
    with new_folder(tmp_path / "run") as folder:
        write(folder, "old")
        (folder / "old.txt").touch()
    return tmp_path / "run"


def test_a_run_is_not_overwritten_unasked(old_run):
    with pytest.raises(InputError, match="not empty; say --overwrite"):
        with new_folder(old_run):
            pass
    assert (old_run / "model.keras").read_text() == "old"


def test_overwriting_replaces_all_of_it(old_run):
    with new_folder(old_run, overwrite=True) as folder:
        write(folder, "new")
        assert (old_run / "model.keras").read_text() == "old"
    assert os.listdir(old_run) == ["model.keras"]
    assert (old_run / "model.keras").read_text() == "new"
    assert os.listdir(old_run.parent) == ["run"]


def test_a_failed_overwrite_keeps_the_old_run(old_run):
    with pytest.raises(RuntimeError):
        with new_folder(old_run, overwrite=True) as folder:
            write(folder, "half")
            raise RuntimeError
    assert sorted(os.listdir(old_run)) == ["model.keras", "old.txt"]
    assert (old_run / "model.keras").read_text() == "old"
    assert os.listdir(old_run.parent) == ["run"]


def test_a_failed_last_rename_keeps_the_old_run(old_run, monkeypatch):
    rename = os.rename

    def fail_the_second(source, target):
        if str(source).endswith(".partial"):
            raise OSError("no")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail_the_second)
    with pytest.raises(OSError, match="no"):
        with new_folder(old_run, overwrite=True) as folder:
            write(folder, "new")
    assert (old_run / "model.keras").read_text() == "old"
    assert os.listdir(old_run.parent) == ["run"]


def test_what_is_no_run_is_never_overwritten(tmp_path):
    (tmp_path / "reviews").mkdir()
    (tmp_path / "reviews" / "train.tsv").touch()
    with pytest.raises(InputError, match="not a run"):
        check_out(tmp_path / "reviews", overwrite=True)


def test_a_file_and_the_working_folder_are_refused(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="this is a file"):
        check_out(tmp_path / "file")
    with pytest.raises(InputError, match="file/run"):
        with new_folder(tmp_path / "file" / "run"):
            pass
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="name a folder inside it"):
        check_out(".")


def test_a_link_stays_a_link(old_run):
    link = old_run.parent / "link"
    link.symlink_to(old_run)
    with new_folder(link, overwrite=True) as folder:
        write(folder, "new")
    assert link.is_symlink()
    assert (old_run / "model.keras").read_text() == "new"


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL])
def test_a_kill_leaves_the_old_run(old_run, stop):
    code = f"""
        import os, signal
        from tfreg.runs.folder import new_folder
        with new_folder({str(old_run)!r}, overwrite=True) as folder:
            (folder / "model.keras").write_text("half")
            os.kill(os.getpid(), {int(stop)})
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert done.returncode == -stop
    assert (old_run / "model.keras").read_text() == "old"
