"""What a frozen encoder says of a split: computed once, kept on disk, read from there.

An entry is a file of plain numbers and their checksum; its name is what they were
computed from. It appears whole or not at all, whatever is killed meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import keras_hub
import numpy as np
import tensorflow as tf

from tfreg._checks import check_integer, fail

_SUFFIX, _PARTIAL = ".features", ".partial"
_CHECKSUM = 4  # bytes
_ABANDONED = 24 * 3600  # seconds after which a half-written file has no writer


class Features:
    """Stored vectors, by the rows of an encoded split.

    Args:
        values: all vectors, (vectors, width); it may lie on disk.
        first: where each row's vectors begin in `values`.
        counts: how many vectors each row has; None where each has one, and a batch
            has no axis for them.
    """

    def __init__(
        self, values: np.ndarray, first: np.ndarray, counts: np.ndarray | None = None
    ) -> None:
        self.values = values
        self.first = first
        self.counts = counts

    def collate(self, rows: np.ndarray, length: int) -> np.ndarray:
        """The vectors of some rows, padded with zeros to one length."""
        if self.counts is None:
            return np.asarray(self.values[self.first[rows]])
        shape = (len(rows), length, self.values.shape[1])
        padded = np.zeros(shape, self.values.dtype)
        for i, row in enumerate(rows):
            begin, count = self.first[row], self.counts[row]
            padded[i, :count] = self.values[begin : begin + count]
        return padded


@dataclass(frozen=True)
class FeatureCache:
    """A folder of features of bounded size; what was used longest ago goes first.

    Processes may share it. A damaged entry is computed anew.

    Args:
        folder: made if missing; defaults to ``tfreg/features`` in Keras's folder
            (``KERAS_HOME``, else ``~/.keras``).
        max_bytes: of all entries together, at least 1; defaults to 4 GB.

    Raises:
        InputError: not a folder's name, or not a number of bytes.

    Example:
        >>> folder = getfixture("tmp_path")
        >>> cache = FeatureCache(folder, max_bytes=10**6)
        >>> cache.read("a key", (2, 3), "float32") is None
        True
        >>> values = cache.write("a key", (2, 3), "float32", [np.ones((2, 3))])
        >>> cache.read("a key", (2, 3), "float32").tolist()
        [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """

    folder: str | os.PathLike[str] | None = None
    max_bytes: int = 4 * 10**9

    def __post_init__(self) -> None:
        if not isinstance(self.folder, (str, os.PathLike, type(None))):
            raise fail("folder", "the name of a folder", self.folder)
        check_integer("max_bytes", self.max_bytes, low=1)

    @property
    def path(self) -> Path:
        """The folder."""
        if self.folder is not None:
            return Path(self.folder)
        home = Path(os.environ.get("KERAS_HOME") or "~/.keras")
        return home.expanduser() / "tfreg" / "features"

    def read(self, key: str, shape: tuple[int, int], dtype: str) -> np.ndarray | None:
        """An entry, mapped from disk; None where it is missing or damaged."""
        path = self.path / f"{key}{_SUFFIX}"
        try:
            if path.stat().st_size != size_of(shape, dtype) + _CHECKSUM:
                return None
            values = np.memmap(path, _numpy(dtype), "r", shape=shape)
            with path.open("rb") as file:
                file.seek(-_CHECKSUM, os.SEEK_END)
                if file.read() != _checksum(zlib.crc32(as_bytes(values))):
                    return None
        except OSError:
            return None
        with contextlib.suppress(OSError):  # a folder that others fill
            os.utime(path)
        return values

    def write(
        self,
        key: str,
        shape: tuple[int, int],
        dtype: str,
        blocks: Iterable[np.ndarray],
    ) -> np.ndarray:
        """Store an entry, block after block of its vectors, and map it from disk.

        Raises:
            OSError: the folder cannot be written to, or the disk is full.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self._make_room(size_of(shape, dtype) + _CHECKSUM)
        number, name = tempfile.mkstemp(_PARTIAL, f"{key[:16]}.", self.path)
        try:
            with os.fdopen(number, "wb") as file:
                # Its size at once: processes that make room count what others write.
                file.truncate(size_of(shape, dtype) + _CHECKSUM)
                checksum = 0
                for block in blocks:
                    content = as_bytes(np.asarray(block, _numpy(dtype)))
                    checksum = zlib.crc32(content, checksum)
                    file.write(content)
                file.write(_checksum(checksum))
                file.truncate()
            values = np.memmap(name, _numpy(dtype), "r", shape=shape)
            os.replace(name, self.path / f"{key}{_SUFFIX}")
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
        return values

    def _make_room(self, size: int) -> None:
        """Delete what was used longest ago, until `size` more bytes fit."""
        entries, used = [], 0
        for path in self.path.iterdir():
            with contextlib.suppress(OSError):  # another process was faster
                found = path.stat()
                if path.suffix == _SUFFIX:
                    entries.append((found.st_mtime, found.st_size, path))
                elif path.suffix != _PARTIAL:
                    continue
                elif time.time() - found.st_mtime > _ABANDONED:
                    path.unlink()
                    continue
                used += found.st_size
        for _, bytes_, path in sorted(entries):
            if used + size <= self.max_bytes:
                break
            with contextlib.suppress(OSError):
                path.unlink()
            used -= bytes_


def platform() -> list[str]:
    """What computes: the libraries with their versions, and the kinds of devices."""
    libraries = [f"{x.__name__} {x.__version__}" for x in (keras, keras_hub, tf)]
    devices = tf.config.list_physical_devices()
    return [*libraries, *sorted({device.device_type for device in devices})]


def size_of(shape: tuple[int, int], dtype: str) -> int:
    """Bytes that an entry's vectors take."""
    return shape[0] * shape[1] * _numpy(dtype).itemsize


def _numpy(dtype: str) -> np.dtype[Any]:
    """NumPy's type of a name, which may be bfloat16."""
    return np.dtype(tf.as_dtype(dtype).as_numpy_dtype)


def as_bytes(values: np.ndarray) -> memoryview:
    """What an array is made of, whatever its type."""
    return np.ascontiguousarray(values).reshape(-1).view("uint8").data


def _checksum(number: int) -> bytes:
    return number.to_bytes(_CHECKSUM, "little")
