"""Arrays in folders that are there whole, or not at all, or are known not to be."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfreg._checks import DataWarning, InputError

_ARRAYS, _ABOUT, _MANIFEST = "arrays.npz", "about.json", "manifest.json"
_PARTIAL = ".partial"
_SPARE = 2**20  # bytes beside the arrays


def write_sealed(
    folder: Path,
    number: int,
    about: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    keep: int,
) -> None:
    """Add an entry to a folder, and leave only the last ones.

    It is written under another name, flushed, sealed with the SHA-256 of its files,
    and renamed; only then older ones go.

    Args:
        folder: made if missing.
        number: of the entry; the highest is the newest.
        about: JSON.
        arrays: by name.
        keep: how many entries stay, at least 1.

    Raises:
        OSError: it cannot be written, or there is no room; all that was there is left.
    """
    folder.mkdir(parents=True, exist_ok=True)
    needed = sum(array.nbytes for array in arrays.values()) + _SPARE
    if shutil.disk_usage(folder).free < needed:
        raise OSError(f"no room for {needed:,} bytes")
    entry = folder / f"{number:012d}"
    partial = entry.with_suffix(_PARTIAL)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        with (partial / _ARRAYS).open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        (partial / _ABOUT).write_text(json.dumps(about), encoding="utf-8")
        manifest = {name: _hash(partial / name) for name in (_ARRAYS, _ABOUT)}
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
            for name in (_ARRAYS, _ABOUT):
                if _hash(entry / name) != manifest[name]:
                    raise ValueError(f"{name} is not what was written")
            about = json.loads((entry / _ABOUT).read_text(encoding="utf-8"))
            with np.load(entry / _ARRAYS) as file:
                return about, {name: file[name] for name in file.files}
        except (OSError, ValueError, KeyError, TypeError) as error:
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


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
