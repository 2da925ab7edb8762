"""Adversarial training in several steps, each of which trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import keras
from keras import ops

from tfreg._checks import check_integer, check_number
from tfreg.functional.perturbations import unit, within
from tfreg.objectives.objective import Objective
from tfreg.objectives.passes import Passes


@keras.saving.register_keras_serializable("tfreg")
@dataclass(frozen=True)
class FreeLB(Objective):
    """The mean loss on a path of K steps that climb it over the embeddings.

    L = 1/K·Σ_t L(x + δ_t), with δ₀ ~ U(−ε, ε)/√n, n the number of a text's real
    embedded numbers, and δ_{t+1} = Π(δ_t + step_size·g_t/‖g_t‖₂), g_t = ∇L(x + δ_t) by
    the embeddings, Π onto ‖δ‖₂ ≤ ε, norms over all of a text. The δ_t are constant when
    the weights' gradient is taken, which is thus the mean of the K gradients: the
    paper's accumulation. All passes have the same dropout masks, as in the paper
    (section 3.3).

    A base loss: it stands in the place of the loss at x.

    Passes: ``steps`` more; the first then serves the training scores alone.

    Args:
        epsilon: ε, at least 0. Defaults to 0.4.
        step_size: the paper's α, above 0. Defaults to 0.1.
        steps: K, at least 1. Defaults to 3.

    Example:
        >>> from tfreg import Recipe
        >>> Recipe(objective=FreeLB()).objective.passes
        3

    Zhu et al. (2020), "FreeLB: Enhanced Adversarial Training for Natural Language
    Understanding", algorithm 1. They move word embeddings before positions are added;
    here δ is added to what enters the first block, see `Passes.moved`.
    """

    epsilon: float = 0.4
    step_size: float = 0.1
    steps: int = 3

    strength: ClassVar[str] = "epsilon"
    base: ClassVar[bool] = True
    moves_embeddings: ClassVar[bool] = True
    differentiates: ClassVar[bool] = True
    serves_paths: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number("epsilon", self.epsilon, low=0)
        check_number("step_size", self.step_size, low=0, open_low=True)
        check_integer("steps", self.steps, low=1)

    @property
    def passes(self) -> int:
        return self.steps

    def __call__(self, passes: Passes) -> Any:
        def loss(delta: Any) -> Any:
            return passes.loss(passes.moved(delta))

        shape = passes.delta_shape
        size = ops.sum(passes.pieces, axis=(1, 2), keepdims=True) * shape[-1]
        bound = self.epsilon / ops.sqrt(ops.maximum(size, 1.0))
        delta = keras.random.uniform(shape, -1.0, 1.0, seed=passes.seed)
        delta = bound * delta * passes.pieces
        total = 0.0
        for _ in range(self.steps - 1):
            value, (slope,) = passes.slopes(loss, delta)
            delta = within(delta + self.step_size * unit(slope), self.epsilon)
            total = total + value
        return (total + loss(delta)) / self.steps
