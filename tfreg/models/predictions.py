"""What a model says of a text, by name."""

from __future__ import annotations

from typing import NamedTuple


class Prediction(NamedTuple):
    """A label with its probability.

    Args:
        label: the most probable label; for multi-label models the tuple of all
            labels with a probability of at least ½ (it may be empty).
        probability: of the label; of the least sure of them for multi-label models
            (of the surest label left out if there is none).
        probabilities: {label: probability}, all of them.
    """

    label: str | tuple[str, ...]
    probability: float
    probabilities: dict[str, float]
