"""What the reference makes of our docstrings, where Griffe knows other sections.

`Example` would be prose, in which ``>>>`` is a quotation of a quotation of a quotation,
and the lines of `Shapes` one paragraph.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"^Example:$", re.MULTILINE)
_SHAPES = re.compile(r"^Shapes:\n(?: {4}.*\n?)+", re.MULTILINE)
_ENTRY = re.compile(r"^ {4}(?=\S)", re.MULTILINE)


class OurSections(griffe.Extension):
    """Makes examples code, and shapes a list."""

    def on_instance(self, *, obj: Any, **kwargs: Any) -> None:
        """Called by Griffe for everything that it has read."""
        if obj.docstring is not None:
            text = _EXAMPLE.sub("Examples:", obj.docstring.value)
            obj.docstring.value = _SHAPES.sub(
                lambda shapes: _ENTRY.sub("    - ", shapes[0]), text
            )
