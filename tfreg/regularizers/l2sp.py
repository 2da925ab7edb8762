"""L2-SP: the penalty that pulls weights to where they started from."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfreg._checks import InputError, check_number
from tfreg.regularizers.place import Place


@keras.saving.register_keras_serializable("tfreg")
class L2SP(keras.regularizers.Regularizer):
    """Squared distance to the pretrained weights.

    Ω(w) = α·Σ(w − w⁰)²: a plain sum, no ½ and no mean, computed in float32 whatever
    the dtype of the weights. Its gradient is 2α(w − w⁰).

    The start w⁰ is held by the model the penalty is built into, as a non-trainable
    weight, so that it is saved with it; give it to ``backbone_regularizer``.

    Args:
        alpha: strength, above 0; defaults to 0.01. Twice ours is the papers' α.

    Raises:
        InputError: a strength that is not above 0; or a call without an anchor.

    Example:
        >>> start = keras.ops.ones((2, 2))
        >>> float(L2SP(0.5).anchored(start)(keras.ops.zeros((2, 2))))
        2.0

    Li, Grandvalet, Davoine (2018), "Explicit Inductive Bias for Transfer Learning
    with Convolutional Networks", equation 4. Departures: Keras's scale (the paper
    writes α/2); the head's L2 (β) is its own ``kernel_regularizer``.
    """

    needs_anchor = True

    def __init__(self, alpha: float = 0.01) -> None:
        self.alpha = check_number("alpha", alpha, low=0, open_low=True)
        self._anchor: Any = None

    def anchored(self, anchor: Any) -> L2SP:
        """The same penalty, measured from ``anchor`` (a tensor or a variable)."""
        bound = L2SP(self.alpha)
        bound._anchor = anchor
        return bound

    def bound(self, place: Place) -> L2SP:
        """The same penalty, measured from where the weight at ``place`` started."""
        return self.anchored(place.anchor())

    def __call__(self, x: Any) -> Any:
        if self._anchor is None:
            raise InputError(
                "L2SP has no anchor: it acts on pretrained weights; give it to "
                "`backbone_regularizer`, not to a layer"
            )
        distance = ops.cast(x, "float32") - ops.cast(self._anchor, "float32")
        return self.alpha * ops.sum(ops.square(distance))

    def get_config(self) -> dict[str, float]:
        return {"alpha": self.alpha}
