"""Numbered lines of a file or stream, one at a time, checked as text."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any, Union

from tfreg._checks import DataError
from tfreg.data.ledger import Ledger
from tfreg.data.text_checks import decode_line

Lines = Iterator[tuple[int, str]]
Source = Union[str, "os.PathLike[str]", IO[Any]]

_BOM = b"\xef\xbb\xbf"


def source_name(source: Source) -> str:
    """What errors call a path or a stream."""
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "<stdin>"


@contextmanager
def open_lines(source: Source, ledger: Ledger) -> Iterator[Lines]:
    """Lines of a file (gzipped if so called) or of an open stream, from number 1.

    Only `\\n` ends a line, and `\\r` before it is dropped: U+2028, U+0085 and the like
    are text. So is a byte-order mark, but for one at the start, which is dropped.

    Raises:
        DataError: no such file, not readable, not gzip, or text that cannot be used.
    """
    if not isinstance(source, (str, os.PathLike)):
        yield _lines(_raw_lines(source, ledger), ledger)
        return
    path = os.fspath(source)
    if not os.path.exists(path):
        raise DataError(f"{path}: no such file")
    if os.path.isdir(path):
        raise DataError(f"{path}: a folder; expected a file")
    try:
        file: Any = gzip.open(path) if path.endswith(".gz") else open(path, "rb")
    except OSError as error:
        raise ledger.error(None, f"cannot be read: {error.strerror}") from error
    with file:
        yield _lines(_raw_lines(file, ledger), ledger)


def _raw_lines(file: Any, ledger: Ledger) -> Iterator[bytes]:
    # A text stream has its bytes below; one held in memory has none.
    file = getattr(file, "buffer", file)
    lines = iter(file)
    while True:
        try:
            line = next(lines, None)
        except (OSError, EOFError, zlib.error) as error:
            raise ledger.error(None, f"cannot be read: {error}") from error
        if line is None:
            return
        # Surrogates in a string become invalid UTF-8, and are found as such.
        yield line if isinstance(line, bytes) else line.encode("utf-8", "surrogatepass")


def _lines(raw_lines: Iterable[bytes], ledger: Ledger) -> Lines:
    for number, raw in enumerate(raw_lines, 1):
        if number == 1:
            raw = raw.removeprefix(_BOM)
        if raw.endswith(b"\n"):
            raw = raw[:-1].removesuffix(b"\r")
        yield number, decode_line(raw, number, ledger)
