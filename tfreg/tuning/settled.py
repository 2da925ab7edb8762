"""What a search was begun with, which must be the same when it goes on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tfreg import _compat
from tfreg._checks import InputError
from tfreg._differences import differences
from tfreg.data.corpus import Corpus
from tfreg.data.features import as_bytes

_FILE = "search.json"


def settle(folder: Path, about: Mapping[str, Any]) -> None:
    """Write what a search is begun with, or compare it with what was written.

    Raises:
        InputError: the folder holds another search; the message shows the difference.
    """
    path = folder / _FILE
    wanted = json.loads(json.dumps(about))
    if not path.exists():
        partial = path.with_suffix(f".{os.getpid()}.partial")
        partial.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
        os.replace(partial, path)
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    changes = [f"{name} {change}" for name, change in differences(found, wanted)]
    if changes:
        raise InputError(
            f"{folder}: holds a search with other settings: {'; '.join(changes)}; "
            "give another folder, or the same settings"
        )


def fingerprint(corpus: Corpus) -> str:
    """Texts, targets and labels as one number."""
    key = hashlib.sha256(json.dumps([corpus.task, corpus.labels]).encode())
    for split in (corpus.train, corpus.dev):
        rows = split and [split.kind, split.inputs, split.targets]
        key.update(json.dumps(rows).encode())
    return key.hexdigest()[:16]


def fingerprint_of_weights(weights: Iterable[Any]) -> str:
    """Variables with their paths as one number."""
    key = hashlib.sha256()
    for weight in sorted(weights, key=lambda weight: weight.path):
        key.update(weight.path.encode())
        key.update(as_bytes(_compat.as_numpy(weight)))
    return key.hexdigest()[:16]


def named(preset: Any) -> str:
    """A preset as a person would say it; one in memory has no name but its kind."""
    is_name = isinstance(preset, (str, os.PathLike))
    return os.fspath(preset) if is_name else type(preset).__name__
