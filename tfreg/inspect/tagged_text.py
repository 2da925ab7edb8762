"""Words with the spans that a tagger found in them, as HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from tfreg._checks import InputError
from tfreg.functional.spans import is_iob
from tfreg.inspect.html import Html, marked

# Apart for the colour-blind too (Okabe and Ito's).
_COLORS = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (213, 94, 0),
    (86, 180, 233),
)


def tagged_html(words: Sequence[str], tags: Sequence[Any]) -> Html:
    """A sentence with its spans marked, and their types.

    A span is a B- tag and the I- tags of its type that follow; an I- tag that follows
    no tag of its type begins one. Tags that are not IOB are shown word by word.

    Args:
        words: of one sentence.
        tags: a tag a word: names, or what `predict_labels` gave.

    Returns:
        HTML, as a string that notebooks show; colours go by the type's name.

    Raises:
        InputError: not as many tags as words.

    Example:
        >>> shown = tagged_html(["Ada", "sings"], ["B-PER", "O"])
        >>> shown.endswith("Ada</span>&nbsp;<small>PER</small> sings</p>")
        True
    """
    names = [getattr(tag, "label", tag) for tag in tags]
    if len(names) != len(words):
        raise InputError(f"`tags` must be one a word: {len(words)}; got {len(names)}")
    shown = []
    for kind, part in spans(words, names):
        text = " ".join(part)
        if kind is None:
            shown.append(html.escape(text))
        else:
            color = _COLORS[sum(map(ord, kind)) % len(_COLORS)]
            shown.append(
                f"{marked(text, color, 0.35)}&nbsp;<small>{html.escape(kind)}</small>"
            )
    return Html(f"<p>{' '.join(shown)}</p>")


def spans(
    words: Sequence[str], tags: Sequence[str]
) -> list[tuple[str | None, list[str]]]:
    """The words in their order, cut into spans with a type and the rest without.

    Example:
        >>> spans(["New", "York", "is"], ["B-LOC", "I-LOC", "O"])
        [('LOC', ['New', 'York']), (None, ['is'])]
    """
    if not is_iob([*tags, "B"]):
        return [(tag, [word]) for word, tag in zip(words, tags)]
    found: list[tuple[str | None, list[str]]] = []
    for word, tag in zip(words, tags):
        kind = None if tag == "O" else tag[2:] or "span"
        if found and found[-1][0] == kind and not tag.startswith("B"):
            found[-1][1].append(word)
        else:
            found.append((kind, [word]))
    return found
