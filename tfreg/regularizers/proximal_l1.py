"""The lasso with exact zeros: a step after the optimiser's, instead of a gradient."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfreg._checks import check_number


@keras.saving.register_keras_serializable("tfreg")
class ProximalL1(keras.regularizers.Regularizer):
    """λ·Σ|w|, minimised by soft-thresholding after each step of the optimiser.

    Ω(w) = λ·Σ|w| is counted in the loss but gives no gradient; instead the optimiser
    ends each step with w ← sign(w)·max(|w| − t, 0): t = η·λ under
    `tfreg.optimizers.SGD` and t = η·λ/(√v̂ + ε/√(1 − β₂ᵗ)) for each weight under
    `tfreg.optimizers.AdamW` (Adam's own metric, with ε where Keras has it). Weights
    become exactly zero; with Keras's L1 under Adam none does.

    Under Adam λ is to be seen beside √v̂, the size of a weight's gradients: those whose
    gradients are far smaller than λ are zero after few steps, those without at once.
    (Hence one of the two factors of an adapter, which has none at first, cannot have
    this penalty.)

    Args:
        strength: λ, above 0; defaults to 1e-4.

    Raises:
        InputError: a strength that is not above 0. A model compiled with an optimiser
            that takes no such step is refused.

    Example:
        >>> from tfreg import build_classifier
        >>> model = build_classifier(
        ...     backbone, ("bad", "good"), tokenizer=tokenizer,
        ...     kernel_regularizer=ProximalL1(1e-3),
        ... )

    Parikh & Boyd (2014), "Proximal Algorithms", sections 4.2 and 6.5.2; under Adam as
    in Yun et al. (2021), "Adaptive Proximal Gradient Methods", equation 3.
    """

    proximal = True

    def __init__(self, strength: float = 1e-4) -> None:
        self.strength = check_number("strength", strength, low=0, open_low=True)

    def __call__(self, x: Any) -> Any:
        size = ops.sum(ops.abs(ops.cast(x, "float32")))
        return self.strength * ops.stop_gradient(size)

    def get_config(self) -> dict[str, float]:
        return {"strength": self.strength}
