"""A price on being sure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import keras

from tfreg._checks import check_number
from tfreg.functional.divergences import sigmoid_entropy, softmax_entropy
from tfreg.objectives.objective import Objective
from tfreg.objectives.passes import Passes


@keras.saving.register_keras_serializable("tfreg")
@dataclass(frozen=True)
class ConfidencePenalty(Objective):
    """The negative entropy of the prediction.

    −weight·mean(w·H(p)), H(p) = −Σ_c p_c·log p_c; for a multi-label classifier the mean
    over labels of the entropy of each one's yes or no. Label smoothing is the same
    with the KL the other way round. The term is below 0: so may be the training loss.

    Passes: none more.

    Args:
        weight: the paper's β, at least 0. Defaults to 0.1.

    Raises:
        InputError: (when a model is built) a regressor: one number has no entropy.

    Example:
        >>> from tfreg import Recipe
        >>> Recipe(objective=ConfidencePenalty(0.1)).objective.passes
        0

    Pereyra et al. (2017), "Regularizing Neural Networks by Penalizing Confident Output
    Distributions", section 3, without its annealing and threshold.
    """

    weight: float = 0.1

    tasks: ClassVar[tuple[str, ...]] = ("classify", "multilabel", "tag")

    def __post_init__(self) -> None:
        check_number("weight", self.weight, low=0)

    def __call__(self, passes: Passes) -> Any:
        entropy = sigmoid_entropy if passes.task == "multilabel" else softmax_entropy
        return -self.weight * passes.mean(passes.weigh(entropy(passes.logits)))
