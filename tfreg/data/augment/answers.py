"""What was said of texts, on disk as soon as it is said."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfreg._checks import InputError


class Answers:
    """Texts that were said of texts, in a file of JSON lines.

    Each is written at once: whoever is killed loses the one at work. A line that was
    half written, or damaged, is as if it were not there. Used with ``with``.

    Args:
        folder: made if missing.
        name, version: of the method; each pair has a file of its own.

    Raises:
        InputError: the folder or file cannot be written.

    Example:
        >>> folder = getfixture("tmp_path")
        >>> with Answers(folder, "polite", "1") as answers:
        ...     answers["go"] = ("please, go",)
        >>> with Answers(folder, "polite", "1") as answers:
        ...     answers["go"], "stay" in answers
        (('please, go',), False)
    """

    def __init__(self, folder: str | os.PathLike[str], name: str, version: str) -> None:
        key = _hash(json.dumps([name, version]))[:16]
        short = re.sub(r"[^\w-]+", "-", name, flags=re.ASCII).strip("-")[:40]
        self.path = Path(folder) / f"{short or 'method'}-{key}.jsonl"

    def __enter__(self) -> Answers:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered: every line is with the system once it is written.
            self._file = self.path.open("a+b", buffering=0)
        except OSError as error:
            raise InputError(f"`cache`: {self.path}: {error.strerror}") from error
        self._file.seek(0)
        content = self._file.read()
        self._known = dict(_lines(content))
        if content and not content.endswith(b"\n"):
            self._file.write(b"\n")
        return self

    def __exit__(self, *error: Any) -> None:
        self._file.close()

    def __contains__(self, text: str) -> bool:
        return _hash(text) in self._known

    def __getitem__(self, text: str) -> tuple[str, ...]:
        return self._known[_hash(text)]

    def __setitem__(self, text: str, said: tuple[str, ...]) -> None:
        line = json.dumps({"key": _hash(text), "texts": list(said)})
        self._file.write(line.encode() + b"\n")
        self._known[_hash(text)] = said


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _lines(content: bytes) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The lines of a file that are whole."""
    for line in content.split(b"\n"):
        try:
            entry = json.loads(line)
            key, texts = entry["key"], entry["texts"]
        except (ValueError, TypeError, KeyError):
            continue
        if isinstance(texts, list) and all(isinstance(text, str) for text in texts):
            yield str(key), tuple(texts)
