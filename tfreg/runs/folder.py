"""A folder that appears under its name complete or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tfreg._checks import InputError

# What makes a folder a run, all of the model or what was trained of it: `load_model`
# looks for them.
MODEL_FILE = "model.keras"
TRAINED_FILE = "trained.safetensors"


def check_out(out: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """The folder a run may be written to, links followed, or an error that says why.

    Args:
        out: the folder; it may be missing or empty.
        overwrite: whether it may hold a run already. Nothing but a run is ever
            overwritten.

    Raises:
        InputError: it is a file, the working folder, or a folder with something in it.

    Example:
        >>> check_out("/tmp/no/such/folder").name
        'folder'
    """
    path = Path(out).resolve()
    if not path.exists():
        return path
    if not path.is_dir():
        raise InputError(f"--out {out}: this is a file; name a folder")
    if path.samefile(Path.cwd()) or os.path.ismount(path):
        raise InputError(f"--out {out}: name a folder inside it")
    if not any(path.iterdir()):
        return path
    if not overwrite:
        raise InputError(f"--out {out}: the folder is not empty; say --overwrite")
    if not has_model(path):
        raise InputError(
            f"--out {out}: not a run (no {MODEL_FILE} in it), so not overwritten"
        )
    return path


def has_model(path: Path) -> bool:
    """Whether a folder is a run's."""
    return any((path / name).is_file() for name in (MODEL_FILE, TRAINED_FILE))


@contextmanager
def new_folder(
    out: str | os.PathLike[str], *, overwrite: bool = False
) -> Iterator[Path]:
    """Give a hidden sibling of `out` to write into; at the end it becomes `out`.

    After an error or a kill there is nothing new under `out`, and what was there
    before still is. An error also removes the sibling; a kill leaves it behind.

    Args:
        out, overwrite: as for `check_out`.

    Raises:
        InputError: as `check_out`, or the place cannot be written to.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as place:
        ...     with new_folder(f"{place}/run") as folder:
        ...         _ = (folder / "note.txt").write_text("done")
        ...     (Path(place) / "run" / "note.txt").read_text()
        'done'
    """
    path = check_out(out, overwrite=overwrite)
    made = [parent for parent in path.parents if not parent.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = _sibling(path, ".partial")
    except OSError as error:
        _remove_empty(made)
        raise InputError(f"--out {out}: {error.strerror}") from error
    try:
        yield folder
        _take_place(folder, path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        _remove_empty(made)
        raise


def _sibling(path: Path, suffix: str) -> Path:
    """A new empty folder beside `path`, with the rights a plain `mkdir` gives."""
    name = tempfile.mkdtemp(prefix=f".{path.name}.", suffix=suffix, dir=path.parent)
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(name, 0o777 & ~mask)
    return Path(name)


def _take_place(folder: Path, path: Path) -> None:
    """Rename `folder` to `path`; what is there goes only once the new one is."""
    if not path.exists():
        os.rename(folder, path)
        return
    aside = _sibling(path, ".old")
    old = aside / path.name
    try:
        os.rename(path, old)
        os.rename(folder, path)
    except BaseException:
        if old.exists() and not path.exists():
            os.rename(old, path)
        aside.rmdir()
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _remove_empty(parents: list[Path]) -> None:
    for parent in parents:
        try:
            parent.rmdir()
        except OSError:  # never made, or someone else's by now
            pass
