"""A learned weighted sum of what the blocks of an encoder put out."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("tfreg")
class LayerMix(keras.layers.Layer):
    """γ·Σ_l softmax(s)_l·h_l over a list of tensors alike.

    The weights ``scores`` s are 0 and ``gamma`` is 1 at the start: a plain mean.

    Shapes:
        inputs: a list of (batch, pieces, width); output: one of them.

    Example:
        >>> mix = LayerMix()
        >>> float(mix([keras.ops.zeros((1, 1, 1)), keras.ops.ones((1, 1, 1))])[0, 0, 0])
        0.5

    Peters et al. (2018), "Deep contextualized word representations", equation 1.
    """

    def build(self, shapes: Any) -> None:
        self.scores = self.add_weight((len(shapes),), "zeros", name="scores")
        self.gamma = self.add_weight((), "ones", name="gamma")

    def call(self, inputs: Any) -> Any:
        weights = self.gamma * ops.softmax(self.scores)
        return sum(weights[i] * layer for i, layer in enumerate(inputs))

    def compute_output_shape(self, shapes: Any) -> Any:
        return shapes[0]
