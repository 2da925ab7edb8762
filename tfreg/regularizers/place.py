"""Where a penalty acts: what a weight's place in an encoder offers to penalties."""

from __future__ import annotations

from typing import Any, Protocol


class Place(Protocol):
    """One weight of a backbone, as a penalty that is bound to it may see it."""

    blocks_above: int | None
    """Blocks between it and the encoder's output; None where depth has no meaning."""

    def anchor(self) -> Any:
        """Its value at the start, a non-trainable weight of the model."""

    def fisher(self) -> Any:
        """Its diagonal Fisher information, a non-trainable weight of the model."""


def bound(regularizer: Any, place: Place) -> Any:
    """The regulariser as it acts at one place; itself where places are all alike."""
    bind = getattr(regularizer, "bound", None)
    return regularizer if bind is None else bind(place)


def is_anchored(regularizer: Any) -> bool:
    """Whether it pulls weights to where they started from."""
    return bool(getattr(regularizer, "needs_anchor", False))
