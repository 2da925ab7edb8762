"""Arrays in folders that are there whole, or not at all, or are known not to be."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfreg._checks import DataWarning, InputError

Arrays = Mapping[str, np.ndarray]

_ABOUT, _MANIFEST = "about.json", "manifest.json"
_PARTIAL = ".partial"
_SPARE = 2**20  # bytes beside the arrays


def write_sealed(
    folder: Path,
    number: int,
    about: Mapping[str, Any],
    arrays: Mapping[str, Arrays],
    keep: int,
) -> None:
    """Add an entry to a folder, and leave only the last ones.

    It is written under another name, flushed, sealed with the SHA-256 of its files,
    and renamed; only then older ones go. Equal arrays are written once. Where one
    entry alone is kept, the older goes at once, so that a file that stays the same is
    shared with it: the disk holds that once too.

    Args:
        folder: made if missing.
        number: of the entry; the highest is the newest.
        about: JSON.
        arrays: by name, in files by name, those that change least first.
        keep: how many entries stay, at least 1.

    Raises:
        OSError: it cannot be written, or there is no room; all that was there is left.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sizes = (array.nbytes for file in arrays.values() for array in file.values())
    needed = sum(sizes) + _SPARE
    if shutil.disk_usage(folder).free < needed:
        raise OSError(f"no room for {needed:,} bytes")
    entry = folder / f"{number:012d}"
    partial = entry.with_suffix(_PARTIAL)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    shared = _entries(folder)[:1] if keep == 1 else []
    manifest = {}
    same = _same(arrays)
    try:
        for group, named in arrays.items():
            file = partial / f"{group}.npz"
            _save(file, {n: array for n, array in named.items() if n not in same})
            manifest[file.name] = _hash(file)
            for older in shared:
                _share(file, older / file.name, manifest[file.name])
        told = json.dumps({"about": about, "same": same})
        (partial / _ABOUT).write_text(told, encoding="utf-8")
        manifest[_ABOUT] = _hash(partial / _ABOUT)
        (partial / _MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        for path in partial.iterdir():
            _flush(path)
        shutil.rmtree(entry, ignore_errors=True)  # a damaged one, done again
        os.replace(partial, entry)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _flush(folder)
    for old in _entries(folder)[keep:]:
        shutil.rmtree(old, ignore_errors=True)


def read_sealed(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
    """The newest entry that is whole; None where there is none at all.

    Raises:
        InputError: there are entries, and none is whole.

    Warns:
        DataWarning: naming each entry that is damaged, and passed over.
    """
    entries = _entries(folder)
    for entry in entries:
        try:
            manifest = json.loads((entry / _MANIFEST).read_text(encoding="utf-8"))
            for name, hashed in manifest.items():
                if _hash(entry / name) != hashed:
                    raise ValueError(f"{name} is not what was written")
            del manifest[_ABOUT]
            told = json.loads((entry / _ABOUT).read_text(encoding="utf-8"))
            arrays: dict[str, np.ndarray] = {}
            for name in manifest:
                with np.load(entry / name) as file:
                    arrays.update(file)
            same = {name: arrays[other] for name, other in told["same"].items()}
            return told["about"], arrays | same
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            warnings.warn(
                f"{entry}: damaged, not used: {error}", DataWarning, stacklevel=2
            )
    if entries:
        raise InputError(f"{folder}: all that is there is damaged; begin in another")
    return None


def clear_partial(folder: Path) -> None:
    """Delete what a kill left half-written."""
    for path in folder.glob(f"*{_PARTIAL}"):
        shutil.rmtree(path, ignore_errors=True)


def _entries(folder: Path) -> list[Path]:
    """The newest first."""
    return sorted(
        (path for path in folder.glob("*") if path.name.isdigit()), reverse=True
    )


def _same(files: Mapping[str, Arrays]) -> dict[str, str]:
    """Names of arrays that are equal to another, and the other's: the last of them."""
    last: dict[Any, str] = {}
    what: dict[str, Any] = {}
    for arrays in files.values():
        for name, array in arrays.items():
            content = hashlib.sha256(array.tobytes()).digest()
            what[name] = array.shape, array.dtype, content
            last[what[name]] = name
    return {name: last[key] for name, key in what.items() if last[key] != name}


def _save(path: Path, arrays: Arrays) -> None:
    """As `np.savez`, but mostly zeros, as moments of words not seen, are packed."""
    with zipfile.ZipFile(path, "w", compresslevel=1) as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy")  # without the time: same bytes
            if 2 * np.count_nonzero(array) < array.size:
                member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)


def _share(path: Path, older: Path, hashed: str) -> None:
    """Have the older file in place of a new one that is the same."""
    if older.is_file() and _hash(older) == hashed:
        path.unlink()
        try:
            os.link(older, path)
        except OSError:  # a file system without links
            shutil.copyfile(older, path)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
