"""A file that events are added to, and that survives being killed while it is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tfreg._checks import InputError


class Journal:
    """One JSON object a line, each on the disk before the next.

    Args:
        path: of the file; made with the first event.

    Example:
        >>> journal = Journal(getfixture("tmp_path") / "journal.jsonl")
        >>> journal.add({"event": "start"})
        >>> journal.events()
        [{'event': 'start'}]
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def add(self, event: dict[str, Any]) -> None:
        """Write an event; it is on the disk when this returns."""
        text = json.dumps(event) + "\n"
        with self.path.open("a+b") as file:
            file.seek(0)
            # A kill may have left half a line, which nothing may be added to.
            file.truncate(file.read().rfind(b"\n") + 1)
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())

    def events(self) -> list[dict[str, Any]]:
        """All events; half a line at the end is what a kill left, and is none.

        Raises:
            InputError: another line is broken.
        """
        if not self.path.exists():
            return []
        *lines, _ = self.path.read_bytes().split(b"\n")
        found = []
        for number, line in enumerate(lines, start=1):
            try:
                found.append(json.loads(line))
            except ValueError as error:
                raise InputError(f"{self.path}:{number}: damaged: {error}") from error
        return found
