"""IOB2 tags: B-X begins a span of X, I-X goes on with it, O is outside.

Bare B and I are spans of one nameless type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_TAG = re.compile(r"O|[BI](-.+)?", re.DOTALL)


def is_bio(labels: Iterable[str]) -> bool:
    """Whether a set of tags is IOB2: O, B-X and I-X alone, with a B among them.

    Example:
        >>> is_bio(["O", "B-PER", "I-PER"]), is_bio(["NOUN", "VERB"])
        (True, False)
    """
    labels = set(labels)
    begins = any(label.startswith("B") for label in labels)
    return begins and all(map(_TAG.fullmatch, labels))


def stray_tags(tags: Sequence[str]) -> list[int]:
    """Where an I-X follows neither B-X nor I-X.

    Example:
        >>> stray_tags(["O", "I-PER", "I-PER", "I-LOC"])
        [1, 3]
    """
    stray, before = [], "O"
    for i, tag in enumerate(tags):
        goes_on = tag == "I" or tag.startswith("I-")
        if goes_on and (before == "O" or before[2:] != tag[2:]):
            stray.append(i)
        before = tag
    return stray


def repair_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """The tags with B-X for each stray I-X: the spans lenient scoring sees.

    Example:
        >>> repair_tags(["O", "I-PER", "I-PER", "I-LOC"])
        ('O', 'B-PER', 'I-PER', 'B-LOC')
    """
    repaired = list(tags)
    for i in stray_tags(tags):
        repaired[i] = "B" + repaired[i][1:]
    return tuple(repaired)
