"""Adversarial training: the loss at the worst embeddings close by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import keras
from keras import ops

from tfreg._checks import check_number
from tfreg.functional.perturbations import unit
from tfreg.objectives.objective import Objective
from tfreg.objectives.passes import Passes


@keras.saving.register_keras_serializable("tfreg")
@dataclass(frozen=True)
class FGM(Objective):
    """The loss where one gradient step on the embeddings leads (fast gradient method).

    weight·L(x + ε·g/‖g‖₂), with g = ∇L(x) by the embeddings and ‖·‖₂ over all of a
    text. The step is constant when the weights' gradient is taken; both passes have
    the same dropout masks. It is added to the loss at x, which the base loss is.

    Passes: 2 more, one for g.

    Args:
        weight: at least 0; 1 in the paper. Defaults to 1.
        epsilon: ε, above 0: the length of a text's step. Defaults to 1.

    Example:
        >>> from tfreg import Recipe
        >>> Recipe(objective=FGM(0.5)).objective.passes
        2

    Miyato, Dai & Goodfellow (2017), "Adversarial Training Methods for Semi-Supervised
    Text Classification", equations 5 and 6. They normalise word embeddings over the
    vocabulary, so that ε cannot be outgrown; here ε is added where the encoder's layer
    normalisation has done that.
    """

    weight: float = 1.0
    epsilon: float = 1.0

    moves_embeddings: ClassVar[bool] = True
    differentiates: ClassVar[bool] = True
    serves_paths: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number("weight", self.weight, low=0)
        check_number("epsilon", self.epsilon, low=0, open_low=True)

    @property
    def passes(self) -> int:
        return 2

    def __call__(self, passes: Passes) -> Any:
        def loss(delta: Any) -> Any:
            return passes.loss(passes.moved(delta))

        _, (slope,) = passes.slopes(loss, ops.zeros(passes.delta_shape))
        return self.weight * loss(self.epsilon * unit(slope))
