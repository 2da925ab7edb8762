"""Elastic weight consolidation: L2-SP that holds important weights harder."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfreg._checks import InputError, check_number
from tfreg.regularizers.place import Place


@keras.saving.register_keras_serializable("tfreg")
class FisherL2SP(keras.regularizers.Regularizer):
    """Squared distance to the pretrained weights, weighed by the Fisher information.

    Ω(w) = α·Σ_i F_i·(w_i − w⁰_i)²: a plain sum, no ½, in float32. F is the diagonal of
    the empirical Fisher information, E[(∂ log p(y|x)/∂w_i)²]; `tfreg.estimate_fisher`
    fills it in, and `fit` calls that on its training data where nobody did.

    Start w⁰ and F are non-trainable weights of the model, saved with it; give the
    penalty to ``backbone_regularizer``.

    Args:
        alpha: strength, above 0; defaults to 1.0. Half the paper's λ.

    Raises:
        InputError: a strength that is not above 0; or a call without an anchor.

    Example:
        >>> start, fisher = keras.ops.ones((2,)), keras.ops.array([1.0, 3.0])
        >>> penalty = FisherL2SP(0.5).anchored(start, fisher)
        >>> float(penalty(keras.ops.zeros((2,))))
        2.0

    Kirkpatrick et al. (2017), "Overcoming catastrophic forgetting in neural networks",
    equation 3. Departures: Keras's scale; F is of the new task's data under the start
    weights, as the data of pretraining is not at hand.
    """

    needs_anchor = True
    needs_fisher = True

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = check_number("alpha", alpha, low=0, open_low=True)
        self._anchor: Any = None
        self._fisher: Any = None

    def anchored(self, anchor: Any, fisher: Any) -> FisherL2SP:
        """The same penalty, measured from ``anchor`` and weighed by ``fisher``."""
        fixed = FisherL2SP(self.alpha)
        fixed._anchor, fixed._fisher = anchor, fisher
        return fixed

    def bound(self, place: Place) -> FisherL2SP:
        """The same penalty, for the weight at ``place``."""
        return self.anchored(place.anchor(), place.fisher())

    def __call__(self, x: Any) -> Any:
        if self._anchor is None:
            raise InputError(
                "FisherL2SP has no anchor: it acts on pretrained weights; give it to "
                "`backbone_regularizer`, not to a layer"
            )
        x, start, fisher = (
            ops.cast(value, "float32") for value in (x, self._anchor, self._fisher)
        )
        return self.alpha * ops.sum(fisher * ops.square(x - start))

    def get_config(self) -> dict[str, float]:
        return {"alpha": self.alpha}
