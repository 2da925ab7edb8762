"""R-Drop: two dropout masks, one answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import keras

from tfreg._checks import check_number
from tfreg.objectives.objective import Objective
from tfreg.objectives.passes import Passes


@keras.saving.register_keras_serializable("tfreg")
@dataclass(frozen=True)
class RDrop(Objective):
    """The model's loss over two dropout masks, and how far their answers are apart.

    L = ½·(L₁ + L₂) + weight/4·mean(w·[KL(p₁‖p₂) + KL(p₂‖p₁)]), with p₁ and p₂ the
    predictions of two passes: for a tagger of each real word, for a multi-label
    classifier the mean over labels, for a regressor (ŷ₁ − ŷ₂)² in the place of the
    KLs. Gradients flow through both passes.

    Over a base loss of its own passes (`Mixup`, `FreeLB`, `SAM`) only the KLs are
    added. Needs dropout somewhere.

    Passes: 1 more. (The doubled batch of the paper's code costs the same products;
    it would have to be made before the model is first called, and be seen by the
    scores.)

    Args:
        weight: the paper's α, at least 0; 0.5 to 5 there. Defaults to 1.

    Example:
        >>> from tfreg import Recipe
        >>> Recipe(objective=RDrop(1.0)).objective.passes
        1

    Liang et al. (2021), "R-Drop: Regularized Dropout for Neural Networks", equation 4,
    halved: the paper's L₁ + L₂ would double the learning rate of plain training.
    """

    weight: float = 1.0

    compares_masks: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number("weight", self.weight, low=0)

    @property
    def passes(self) -> int:
        return 1

    def __call__(self, passes: Passes) -> Any:
        first, second = passes.logits, passes.again()
        term = self.weight / 4 * passes.difference(first, second)
        if passes.plain:  # the base loss is L₁: half of it is exchanged for ½·L₂
            term = term + (passes.loss(second) - passes.loss(first)) / 2
        return term
