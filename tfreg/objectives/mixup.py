"""Mixup of hidden states."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from tfreg._checks import check_number
from tfreg.objectives.objective import Objective
from tfreg.objectives.passes import Passes

_DRAWS = 4096


@keras.saving.register_keras_serializable("tfreg")
@dataclass(frozen=True)
class Mixup(Objective):
    """The loss of mixed pairs of texts, against both their targets.

    h̃ᵢ = λᵢ·hᵢ + (1−λᵢ)·hⱼ, of the vectors that the head's dropout and last layer see,
    j the partner of i in a random permutation of the batch and λᵢ ~ Beta(α, α); then
    L = mean(λᵢ·wᵢ·ℓ(h̃ᵢ, yᵢ) + (1−λᵢ)·wⱼ·ℓ(h̃ᵢ, yⱼ)). For the cross-entropies that is
    the loss against the mixed target, for the squared error it is that plus
    λ(1−λ)(yᵢ−yⱼ)², which has no gradient.

    In a tagger each word mixes with the word at its place in the partner; one that has
    no such word stays as it is.

    A base loss: it stands in the place of the loss of the texts themselves.

    Passes: 1 more; the first then serves the training scores alone. Of batches that are
    accumulated, each mixes its own rows.

    Args:
        alpha: α, at least 0; 0.1 to 1. The smaller, the closer λ is to 0 or 1.
            Defaults to 0.4.

    Example:
        >>> from tfreg import Recipe
        >>> Recipe(objective=Mixup(0.4)).objective.passes
        1

    Zhang et al. (2018), "mixup: Beyond Empirical Risk Minimization", equation 1, on
    hidden states as in Sun et al. (2020), "Mixup-Transformer: Dynamic Data Augmentation
    for NLP Tasks". λ is one of 4,096 quantiles of its distribution.
    """

    alpha: float = 0.4

    strength: ClassVar[str] = "alpha"
    base: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number("alpha", self.alpha, low=0)

    @property
    def passes(self) -> int:
        return 1

    def __call__(self, passes: Passes) -> Any:
        real = passes.real
        rows = ops.shape(real)[0]
        partner = ops.argsort(keras.random.uniform((rows,), seed=passes.seed))
        drawn = keras.random.uniform((rows,), seed=passes.seed)
        table = ops.convert_to_tensor(beta_quantiles(float(self.alpha)))
        share = ops.take(table, ops.cast(drawn * _DRAWS, "int32"), axis=0)
        share = ops.reshape(share, (rows, *(1 for _ in real.shape[1:])))
        other = (1.0 - share) * real * ops.take(real, partner, axis=0)
        logits = passes.mixed(partner, 1.0 - other)
        own = (1.0 - other) * passes.losses(logits)
        return passes.mean(own + other * passes.losses(logits, partner))


@lru_cache(maxsize=8)
def beta_quantiles(alpha: float) -> np.ndarray:
    """Quantiles of Beta(α, α) at (i + ½)/4096: one taken at random is a draw.

    Not every backend draws from it, and TensorFlow does not under XLA.

    Example:
        >>> float(beta_quantiles(1.0)[1024])  # uniform
        0.2501...
    """
    from scipy.special import betaincinv

    places = (np.arange(_DRAWS) + 0.5) / _DRAWS
    return betaincinv(alpha, alpha, places).astype("float32")
