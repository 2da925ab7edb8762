"""What the words of a text add to what a model says of it, and how it is shown."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

from tfreg.inspect.html import Html, marked

# Apart for the colour-blind too.
_FOR, _AGAINST = (0, 114, 178), (213, 94, 0)
_STRONGEST = 8


@dataclass(frozen=True)
class Explanation:
    """Integrated gradients of one prediction, by word.

    Args:
        words: of the text; a pair's are one list.
        parts: what each adds to ``value``, one float a word. They add up to
            ``value - hidden`` less ``gap``.
        label: the label or tag that is explained; None of a regressor.
        value: its probability; a regressor's number.
        hidden: the same where every word is hidden.
        gap: what the sum over finitely many steps leaves out.
        word: the number of the word whose tag it is; None of whole texts.
    """

    words: tuple[str, ...]
    parts: tuple[float, ...]
    label: str | None
    value: float
    hidden: float
    gap: float
    word: int | None = None

    @property
    def title(self) -> str:
        """What is explained, in a line."""
        said = "" if self.label is None else f"{self.label} "
        place = "" if self.word is None else f"{self.words[self.word]}: "
        return (
            f"{place}{said}{self.value:.3f} ({self.hidden:.3f} with all words hidden)"
        )

    @property
    def strongest(self) -> list[tuple[str, float]]:
        """The words that add or take most, first the strongest."""
        order = np.argsort(-np.abs(self.parts), kind="stable")[:_STRONGEST]
        return [(self.words[place], self.parts[place]) for place in order]

    def html(self) -> Html:
        """The text, blue where a word speaks for the label, orange where against."""
        largest = max(map(abs, self.parts), default=0.0) or 1.0
        shown = " ".join(
            marked(
                word,
                _FOR if part > 0 else _AGAINST,
                0.75 * abs(part) / largest,
                f"{part:+.4f}",
            )
            for word, part in zip(self.words, self.parts)
        )
        return Html(f"<p><small>{html.escape(self.title)}</small><br>{shown}</p>")

    def _repr_html_(self) -> str:
        return self.html()

    def print(self, *, file: Any = None) -> None:
        """Print title, text and the strongest words; colours where there are any."""
        console = Console(file=file, highlight=False, soft_wrap=True)
        largest = max(map(abs, self.parts), default=0.0) or 1.0
        text = Text()
        for word, part in zip(self.words, self.parts):
            text.append(word, _style(part / largest))
            text.append(" ")
        text.rstrip()
        console.print(Text(self.title))
        console.print(text)
        strongest = (f"{part:+.3f} {word}" for word, part in self.strongest)
        console.print(Text("  ".join(strongest)))


def _style(share: float) -> str:
    """Of a word, by what it adds over what the strongest does."""
    color = "blue" if share > 0 else "dark_orange"
    if abs(share) > 0.5:
        return f"bold reverse {color}"
    return f"bold {color}" if abs(share) > 0.15 else ""
