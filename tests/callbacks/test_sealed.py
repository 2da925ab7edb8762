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

FILES = "arrays.npz", "about.json", "manifest.json"
ARRAYS = {
    "a": np.arange(2000, dtype="float32"),
    "b": np.ones((3, 5)),
    "none": np.zeros((0, 2)),
}


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


@pytest.fixture
def folder(tmp_path):
    for number in (3, 7):
        arrays = {name: array + number for name, array in ARRAYS.items()}
        write_sealed(tmp_path / "kept", number, {"number": number}, arrays, 2)
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
    arrays = {name: array + 7 for name, array in ARRAYS.items()}
    write_sealed(folder, 7, {"number": 7}, arrays, 2)
    check(read_sealed(folder), 7)


@pytest.mark.parametrize("limit", [0, 100, 4000, 8000])
def test_files_that_cannot_grow(limit, folder):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(OSError):
            write_sealed(folder, 9, {"number": 9}, ARRAYS, 2)
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
        write_sealed(folder, 9, {"number": 9}, ARRAYS, 2)
    check(read_sealed(folder), 7)


def test_the_last_ones_stay(folder):
    write_sealed(folder, 12, {"number": 12}, ARRAYS, 2)
    assert {path.name for path in folder.iterdir()} == {"000000000007", "000000000012"}
    write_sealed(folder, 13, {"number": 13}, ARRAYS, 1)
    assert [path.name for path in folder.iterdir()] == ["000000000013"]


def test_what_a_kill_left_is_taken_away(folder):
    (folder / "000000000009.partial").mkdir()
    (folder / "000000000009.partial" / "arrays.npz").write_bytes(b"half")
    check(read_sealed(folder), 7)
    clear_partial(folder)
    assert len(list(folder.iterdir())) == 2
