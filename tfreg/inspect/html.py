"""Pieces of a page: they show themselves in notebooks, and are readable when dark."""

from __future__ import annotations

import html
from collections.abc import Iterable

_PAGE = """<!doctype html>
<html><head><meta charset="utf-8"><title>{title}</title>
<meta name="color-scheme" content="light dark">
<style>body {{ font: 16px/1.9 system-ui, sans-serif; color-scheme: light dark;
max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }}</style></head>
<body>
{body}
</body></html>
"""


class Html(str):
    """HTML that a notebook shows as what it is."""

    def _repr_html_(self) -> str:
        return str(self)


def marked(text: str, color: tuple[int, int, int], share: float, note: str = "") -> str:
    """Text on a colour that lets the page's own show through.

    Args:
        text: is escaped.
        color: red, green and blue, 0 to 255.
        share: of the colour, in [0, 1].
        note: what the mouse shows.

    Example:
        >>> marked("a<b", (0, 0, 255), 0.5)
        '<span style="background: rgba(0, 0, 255, 0.50)">a&lt;b</span>'
    """
    red, green, blue = color
    title = f' title="{html.escape(note)}"' if note else ""
    style = f"background: rgba({red}, {green}, {blue}, {share:.2f})"
    return f'<span style="{style}"{title}>{html.escape(text)}</span>'


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page, one paragraph a part.

    Example:
        >>> "<p>one</p>" in page("a title", ["<p>one</p>"])
        True
    """
    return _PAGE.format(title=html.escape(title), body="\n".join(parts))
