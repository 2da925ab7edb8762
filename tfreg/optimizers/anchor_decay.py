"""Decoupled decay towards anchors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from tfreg import _compat
from tfreg._checks import InputError


class AnchorDecay(keras.optimizers.Optimizer):
    """What makes an optimiser of Keras decay weights towards anchors.

    Put it in front of `OnePassAdamW`. A weight with an anchor w⁰ decays by
    w ← w − η·α·(w − w⁰), with α `anchor_decay`, instead of w ← w − η·wd·w. The anchors
    are the model's, and saved with it.
    """

    anchor_decay: float = 0.0
    _anchor_of: Callable[[str], Any] | None = None

    def anchor_at(self, anchors: Mapping[str, Any]) -> None:
        """Take the anchors: {path of a variable: w⁰}."""
        # A function: Keras would take a mapping's variables for the optimiser's own.
        self._anchor_of = dict(anchors).get

    def build(self, variables: Any) -> None:
        if self.anchor_decay and self._anchor_of is None:
            raise InputError(
                "`anchor_decay` needs anchors: build the model with it, as in "
                "`build_classifier(preset, ..., anchor_decay=...)`"
            )
        super().build(variables)

    def decay_rate(self, variable: Any) -> float:
        if self._anchor(variable) is not None:
            return self.anchor_decay
        return super().decay_rate(variable)

    def decay(self, variable: Any, rate: Any) -> Any:
        anchor = self._anchor(variable)
        if anchor is None:
            return super().decay(variable, rate)
        away = variable - ops.cast(anchor, variable.dtype)
        variable.assign(variable - rate * away)
        return None

    def _anchor(self, variable: Any) -> Any:
        if not self.anchor_decay or self._anchor_of is None:
            return None
        return self._anchor_of(_compat.keras_variable(self, variable).path)
