"""Whatever happens to the newest entry, it is known, and the one before it is used."""

from __future__ import annotations

import os
import resource
import shutil

import numpy as np
import pytest

from tfreg._checks import DataWarning, InputError
from tfreg.callbacks import sealed
from tfreg.callbacks.sealed import clear_partial, read_sealed, write_sealed

FILES = "arrays.npz", "others.npz", "about.json", "manifest.json"
ARRAYS = {
    "a": np.arange(2000, dtype="float32"),
    "b": np.ones((3, 5)),
    "none": np.zeros((0, 2)),
    "zeros": np.zeros((50, 7)),
    "a again": np.arange(2000, dtype="float32"),
    "other": np.arange(3000),
}
OTHERS = "a again", "other"


def truncate(path, share):
    size = path.stat().st_size
    os.truncate(path, min(int(share * size), size - 1))


def flip(path, share):
    content = bytearray(path.read_bytes())
    content[int(share * (len(content) - 1))] ^= 1
    path.write_bytes(bytes(content))


DAMAGES = [
    *(
        (f"{d.__name__} {s} {name}", lambda p, d=d, s=s: d(p, s), name)
        for d in (truncate, flip)
        for s in (0.0, 0.2, 0.5, 0.9, 1.0)
        for name in FILES
    ),
    *((f"missing {name}", lambda path: path.unlink(), name) for name in FILES),
    *((f"a folder {name}", lambda path: (path.unlink(), path.mkdir()), name)
      for name in FILES),
]  # fmt: skip


def files(number=0):
    """All arrays with a number added, in two files."""
    added = {name: array + number for name, array in ARRAYS.items()}
    others = {name: added.pop(name) for name in OTHERS}
    return {"arrays": added, "others": others}


def write(folder, number, keep=2):
    write_sealed(folder, number, {"number": number}, files(number), keep)


@pytest.fixture
def folder(tmp_path):
    for number in (3, 7):
        write(tmp_path / "kept", number)
    return tmp_path / "kept"


def check(found, number):
    about, arrays = found
    assert about == {"number": number}
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array + number)
        assert arrays[name].dtype == array.dtype


def test_the_newest(folder):
    check(read_sealed(folder), 7)
    assert read_sealed(folder / "none") is None


@pytest.mark.parametrize(
    ("damage", "name"), [d[1:] for d in DAMAGES], ids=[d[0] for d in DAMAGES]
)
def test_damaged(damage, name, folder):
    damage(folder / "000000000007" / name)
    with pytest.warns(DataWarning, match="000000000007: damaged, not used: "):
        check(read_sealed(folder), 3)
    shutil.rmtree(folder / "000000000003")
    with pytest.warns(DataWarning), pytest.raises(InputError, match="is damaged"):
        read_sealed(folder)


def test_damaged_ones_are_done_again(folder):
    flip(folder / "000000000007" / "arrays.npz", 0.5)
    write(folder, 7)
    check(read_sealed(folder), 7)


@pytest.mark.parametrize("limit", [0, 100, 4000, 8000])
def test_files_that_cannot_grow(limit, folder):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(OSError):
            write(folder, 9)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    check(read_sealed(folder), 7)
    assert sorted(path.name for path in folder.iterdir()) == [
        "000000000003", "000000000007",
    ]  # fmt: skip


def test_a_full_disk_is_seen_before(folder, monkeypatch):
    usage = shutil.disk_usage(folder)
    monkeypatch.setattr(
        sealed.shutil, "disk_usage", lambda path: usage._replace(free=5000)
    )
    with pytest.raises(OSError, match="no room for "):
        write(folder, 9)
    check(read_sealed(folder), 7)


def test_the_last_ones_stay(folder):
    write(folder, 12)
    assert {path.name for path in folder.iterdir()} == {"000000000007", "000000000012"}
    write(folder, 13, keep=1)
    assert [path.name for path in folder.iterdir()] == ["000000000013"]


def test_what_a_kill_left_is_taken_away(folder):
    (folder / "000000000009.partial").mkdir()
    (folder / "000000000009.partial" / "arrays.npz").write_bytes(b"half")
    check(read_sealed(folder), 7)
    clear_partial(folder)
    assert len(list(folder.iterdir())) == 2


def test_equal_arrays_are_written_once(folder):
    with np.load(folder / "000000000003" / "arrays.npz") as file:
        assert set(file.files) == {"b", "none", "zeros"}


def test_mostly_zeros_are_packed(tmp_path):
    moments = np.zeros((1000, 100), "float32")
    moments[::100] = 1
    write_sealed(tmp_path, 1, {}, {"moments": {"m": moments}}, 1)
    assert (tmp_path / "000000000001" / "moments.npz").stat().st_size < 20_000
    np.testing.assert_array_equal(read_sealed(tmp_path)[1]["m"], moments)


@pytest.mark.parametrize("links", [True, False])
def test_one_entry_shares_what_stays(tmp_path, monkeypatch, links):
    def write_one(number, keep):
        same = {"fixed": {"a": ARRAYS["a"]}, "changing": {"b": ARRAYS["b"] + number}}
        write_sealed(tmp_path, number, {"number": number}, same, keep)
        path = tmp_path / f"{number:012d}"
        return [(path / f"{name}.npz").stat().st_ino for name in same]

    def refused(*_):
        raise OSError("no links here")

    if not links:
        monkeypatch.setattr(sealed.os, "link", refused)
    fixed, changing = write_one(1, keep=1)
    again, changed = write_one(2, keep=1)
    assert (fixed == again) is links and changing != changed
    apart, _ = write_one(3, keep=2)  # where both stay, one must outlive the other
    assert apart != again
    about, arrays = read_sealed(tmp_path)
    assert about == {"number": 3}
    np.testing.assert_array_equal(arrays["a"], ARRAYS["a"])
    np.testing.assert_array_equal(arrays["b"], ARRAYS["b"] + 3)
