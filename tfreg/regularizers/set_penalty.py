"""Penalties on several weights together, which no regulariser of one weight can see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class BoundSet:
    """A penalty on several weights, ready to be computed.

    Args:
        penalty: what is bound.
        weights: {path: variable}, those it acts on.
        value: gives its value now, a float32 scalar.
    """

    def __init__(
        self, penalty: Any, weights: Mapping[str, Any], value: Callable[[], Any]
    ) -> None:
        self.penalty = penalty
        self.weights = dict(weights)
        self.value = value

    def __call__(self) -> Any:
        return self.value()
