"""A folder of safetensors files as named arrays, trusting nothing in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfreg._checks import InputError

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        InputError: there is no such file, or it holds no JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path.parent}: {path.name} is missing") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not readable as JSON ({error})") from error
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected a JSON object; got {value!r:.40}")
    return value


class Tensors(Mapping[str, np.ndarray]):
    """The tensors of `model.safetensors` or of its shards, read when asked for.

    Values come as float32, whatever float they are stored in.

    Args:
        folder: holds one file, or an index and the shards that it names.

    Raises:
        InputError: a missing, cut or damaged file; an index that points outside the
            folder; on reading, a tensor that is not finite or not of floats.
    """

    def __init__(self, folder: Path) -> None:
        self._files: dict[str, Any] = {}
        self._home: dict[str, Path] = {}
        for path, names in _shards(folder).items():
            self._files[path.name] = file = _open(path)
            held = set(file.keys())
            absent = sorted(set(names or ()) - held)
            if absent:
                raise InputError(f"{path}: the index promises {absent[0]} in it")
            self._home.update((name, path) for name in (names or sorted(held)))

    def __getitem__(self, name: str) -> np.ndarray:
        path = self._home[name]
        try:
            tensor = self._files[path.name].get_tensor(name)
        except Exception as error:  # the reader's own kinds, a type it cannot hold
            raise InputError(f"{path}: cannot read {name} ({error})") from error
        if tensor.dtype.kind in "iub":
            raise InputError(f"{path}: {name} holds {tensor.dtype}, expected floats")
        with np.errstate(over="ignore"):
            tensor = tensor.astype("float32")
        if not np.isfinite(tensor).all():
            raise InputError(f"{path}: {name} holds values that are not finite")
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._home)

    def __len__(self) -> int:
        return len(self._home)


def _shards(folder: Path) -> dict[Path, list[str] | None]:
    """The files to read and the tensors to take from each (None: all)."""
    if (folder / SINGLE).is_file():
        return {folder / SINGLE: None}
    if not (folder / INDEX).is_file():
        if any(folder.glob("pytorch_model*.bin")):
            raise InputError(
                f"{folder}: only pytorch_model.bin, which can run code when opened; "
                "convert it with transformers: AutoModel.from_pretrained(FOLDER)"
                ".save_pretrained(FOLDER, safe_serialization=True)"
            )
        raise InputError(f"{folder}: neither {SINGLE} nor {INDEX} is there")
    places = read_json(folder / INDEX).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise InputError(
            f"{folder / INDEX}: expected a `weight_map`; got {places!r:.40}"
        )
    shards: dict[Path, list[str] | None] = {}
    for name, file in sorted(places.items()):
        plain = isinstance(file, str) and file.endswith(".safetensors")
        if not plain or Path(file).name != file or "\\" in file:
            raise InputError(
                f"{folder / INDEX}: {name} must lie in a file of this folder; "
                f"got {file!r}"
            )
        names = shards.setdefault(folder / file, [])
        assert names is not None
        names.append(name)
    return shards


def _open(path: Path) -> Any:
    try:
        from safetensors import safe_open
    except ImportError:
        raise InputError(
            f"{path}: reading it needs safetensors; pip install safetensors"
        ) from None
    try:
        return safe_open(path, framework="np")
    except FileNotFoundError:
        raise InputError(f"{path.parent}: {path.name} is missing") from None
    except Exception as error:  # SafetensorError has no public base of its own
        raise InputError(f"{path}: cut or damaged ({error})") from error
