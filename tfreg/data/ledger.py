"""The account of one file's rows: nothing leaves or changes without being counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tfreg._checks import DataError


class BadRow(Exception):
    """A row that cannot be used: `kind` is counted in reports, `message` is read."""

    def __init__(self, kind: str, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.line = line


@dataclass
class _Count:
    times: int
    first: int
    last: int


@dataclass
class Ledger:
    """Counts the rows of one file, and refuses bad ones unless told to repair.

    Rows in are rows out and rows dropped: `rows_in == rows out + rows_dropped`.
    A line with two faults of one kind counts once. Memory does not grow with rows.

    Args:
        name: the file, as errors call it.
        repair: False turns every fault into a `DataError`, `name:line: what`.
    """

    name: str
    repair: bool = False
    rows_in: int = 0
    rows_dropped: int = 0
    notes: list[str] = field(default_factory=list)
    _warned: dict[tuple[str, str], _Count] = field(default_factory=dict)
    _noted: dict[tuple[str, str], _Count] = field(default_factory=dict)

    def error(self, line: int | None, what: str) -> DataError:
        """The error for a line, or, without one, for the file."""
        return DataError(
            f"{self.name}: {what}" if line is None else self.at(line, what)
        )

    def at(self, line: int, what: str) -> str:
        return f"{self.name}:{line}: {what}"

    def count(self, rows: Iterable[Any]) -> Iterator[Any]:
        """Pass rows on, and count them in."""
        for row in rows:
            self.rows_in += 1
            yield row

    def sift(
        self, rows: Iterable[tuple[int, Any]], parse: Callable[[int, Any], Any]
    ) -> Iterator[tuple[int, Any]]:
        """Parse rows, without those of which `parse` says that they are bad."""
        for line, row in rows:
            try:
                parsed = parse(line, row)
            except BadRow as bad:
                self.drop(line, bad)
            else:
                yield line, parsed

    def drop(self, line: int, bad: BadRow) -> None:
        """A row is left out (or refused)."""
        line = bad.line or line
        if not self.repair:
            raise self.error(line, str(bad)) from None
        self.rows_dropped += 1
        _add(self._warned, ("row dropped: {}|rows dropped: {}", bad.kind), line)

    def fix(self, line: int, what: str, remedy: str) -> None:
        """A line is changed (or refused)."""
        if not self.repair:
            raise self.error(line, what)
        _add(self._warned, ("line repaired: {}|lines repaired: {}", remedy), line)

    def warn(self, line: int, one: str, many: str, times: int = 1) -> None:
        """A line has something, once or several times, that the user ought to know."""
        _add(self._warned, (f"{one}|{many}", ""), line, times)

    def note(self, line: int, one: str, many: str) -> None:
        """A line is treated as it ought to be, and counted."""
        _add(self._noted, (f"{one}|{many}", ""), line)

    def warnings(self) -> list[str]:
        """One line for each kind of thing that was repaired, dropped or strange."""
        return self._lines(self._warned)

    def report(self) -> list[str]:
        """All that was counted, rows first."""
        rows_out = self.rows_in - self.rows_dropped
        counts = f"{self.rows_in} rows in, {rows_out} out, {self.rows_dropped} dropped"
        notes = [counts] if self.rows_in else []
        notes = [f"{self.name}: {note}" for note in notes + self.notes]
        return [*notes, *self._lines(self._noted), *self.warnings()]

    def _lines(self, counts: dict[tuple[str, str], _Count]) -> list[str]:
        lines = []
        for (forms, what), count in counts.items():
            one, many = forms.split("|")
            text = (one if count.times == 1 else many).format(what)
            where = "at" if count.times == 1 else "first at"
            lines.append(
                f"{self.name}: {count.times} {text} ({where} line {count.first})"
            )
        return lines


def _add(
    counts: dict[tuple[str, str], _Count],
    key: tuple[str, str],
    line: int,
    times: int = 1,
) -> None:
    count = counts.setdefault(key, _Count(0, line, 0))
    if count.last != line:
        count.times += times
        count.last = line
