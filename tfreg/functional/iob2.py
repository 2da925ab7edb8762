"""Which IOB2 tags may follow one another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfreg.functional.spans import is_iob, tag_codes


def permitted(labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Whether tag j may follow tag i, (tags, tags), and may come first, (tags,).

    ``I-X`` follows ``B-X`` or ``I-X`` alone; all other tags may stand anywhere. So may
    ``I-X`` where there is no ``B-X`` (spans that never touch), and all labels that are
    not IOB tags.

    Args:
        labels: tag names in id order.

    Example:
        >>> steps, starts = permitted(["O", "B-PER", "I-PER"])
        >>> steps[:, 2].tolist(), starts.tolist()
        ([False, True, True], [True, True, False])
    """
    steps = np.ones((len(labels), len(labels)), bool)
    starts = np.ones(len(labels), bool)
    codes = tag_codes(labels) if is_iob(labels) else np.zeros(len(labels), int)
    for tag, code in enumerate(codes):
        begin = code - 1  # the code of B- in the type of an I-, which is even
        if code > 0 and code % 2 == 0 and begin in codes:
            steps[:, tag] = (codes == code) | (codes == begin)
            starts[tag] = False
    return steps, starts
