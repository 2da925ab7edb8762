"""Rows from JSON Lines: one object a line."""

from __future__ import annotations

import json
from typing import Any

from tfreg.data.ledger import BadRow, Ledger
from tfreg.data.lines import Lines
from tfreg.data.records import read_records
from tfreg.data.rows import Request, Table


def read_jsonl(lines: Lines, request: Request, ledger: Ledger) -> Table:
    """Rows of `{"text", "label"}`, `{"text", "labels": [...]}` or `{"words", "tags"}`.

    The names are those of `tfreg.data.columns`, or the request's.
    """
    return read_records(
        ledger.sift(ledger.count(lines), _parse_object), request, ledger
    )


def _parse_object(line: int, text: str) -> dict[str, Any]:
    if not text.strip():
        raise BadRow("blank line", "blank line; expected a JSON object")
    try:
        value = json.loads(text, object_pairs_hook=_without_duplicates)
    except json.JSONDecodeError as error:
        what = f"not JSON: {error.msg} at column {error.colno}"
        raise BadRow("not JSON", what) from error
    except (ValueError, RecursionError) as error:
        raise BadRow("not JSON", f"not JSON that can be read: {error}") from error
    if not isinstance(value, dict):
        raise BadRow("not an object", f"expected a JSON object; got {text[:40]!r}")
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise BadRow("duplicate column", f"duplicate column {name!r}")
        found[name] = value
    return found
