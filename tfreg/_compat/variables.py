"""Weights as they are stored, whatever a layer computes in."""

from __future__ import annotations

from typing import Any

from keras.src.backend import AutocastScope


def uncast(variable: Any) -> Any:
    """The value of a weight as it is stored.

    Inside a layer of mixed precision a weight is read rounded, and casting it back
    brings nothing back: of w − w⁰ little would be left in bfloat16.
    """
    with AutocastScope(None):
        return variable.value
