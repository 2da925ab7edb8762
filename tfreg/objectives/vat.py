"""Smoothness around each text: the same answer for embeddings close by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import keras
from keras import ops

from tfreg._checks import InputError, check_integer, check_number
from tfreg.functional.perturbations import unit_max
from tfreg.objectives.objective import Objective
from tfreg.objectives.passes import Passes

# The distance between 1 and the next number: less, added to an embedding, is lost.
_RESOLUTION = {"float16": 2.0**-10, "bfloat16": 2.0**-7}


@keras.saving.register_keras_serializable("tfreg")
@dataclass(frozen=True)
class VAT(Objective):
    """How far the worst small change of the embeddings moves the answer: SMART.

    weight·mean(w·max_{‖δ‖∞ ≤ ε} [KL(f(x+δ)‖f(x)) + KL(f(x)‖f(x+δ))]); for a regressor
    (f(x+δ) − f(x))² in the place of the KLs. It needs no labels.

    The maximum is sought from noise, δ ~ N(0, noise²), by ``steps`` times
    δ ← clip(δ + step_size·g/‖g‖∞, −ε, ε), with g the gradient of what is maximised, the
    largest value taken over a text. δ is constant when the weights' gradient is taken,
    which flows through f(x) and f(x+δ); all these passes have the same dropout masks.

    Passes: 2 + ``steps`` more: f(x) once more, under masks that are known, which is
    then also what the base loss sees; one a step; and f(x+δ).

    Args:
        weight: SMART's λ, at least 0; 1 to 10 there. Defaults to 1.
        epsilon: ε, above 0: embeddings are about 1 in size, see `Passes.moved`. In
            bfloat16 at least 2⁻⁷, in float16 2⁻¹⁰: less is lost in the sum. The
            paper's 1e-5 makes a term of about ε², far below what trains anything.
            Defaults to 1e-3.
        step_size: above 0. Defaults to 1e-3.
        noise: above 0; in half precision it is raised to what that can tell apart.
            Defaults to 1e-5.
        steps: at least 1. Defaults to 1.

    Raises:
        InputError: (when a model is built) an ε that its precision cannot tell from 0.

    Example:
        >>> from tfreg import Recipe
        >>> Recipe(objective=VAT(1.0)).objective.passes
        3

    Jiang et al. (2020), "SMART: Robust and Efficient Fine-Tuning for Pre-trained
    Natural Language Models through Principled Regularized Optimization", equation 2
    and algorithm 1, without its Bregman term. Their code divides the moved δ by its
    largest value, so that ‖δ‖∞ = 1 whatever ε is, and takes no gradient through the
    second argument of each KL; this is the paper's text. After Miyato et al. (2018),
    "Virtual Adversarial Training".
    """

    weight: float = 1.0
    epsilon: float = 1e-3
    step_size: float = 1e-3
    noise: float = 1e-5
    steps: int = 1

    moves_embeddings: ClassVar[bool] = True
    differentiates: ClassVar[bool] = True
    repeats_logits: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number("weight", self.weight, low=0)
        for name in ("epsilon", "step_size", "noise"):
            check_number(name, getattr(self, name), low=0, open_low=True)
        check_integer("steps", self.steps, low=1)

    @property
    def passes(self) -> int:
        return 2 + self.steps

    def check(self, task: str, dtype: str) -> None:
        super().check(task, dtype)
        least = _RESOLUTION.get(dtype, 0.0)
        if self.epsilon < least:
            raise InputError(
                f"`objective`: VAT's `epsilon` must be at least {least:g} in {dtype}, "
                f"which cannot tell less from 0; got {self.epsilon:g}"
            )

    def __call__(self, passes: Passes) -> Any:
        def apart(delta: Any) -> Any:
            return passes.difference(passes.moved(delta), passes.logits)

        noise = max(self.noise, _RESOLUTION.get(passes.dtype, 0.0))
        delta = noise * keras.random.normal(passes.delta_shape, seed=passes.seed)
        for _ in range(self.steps):
            _, (slope,) = passes.slopes(apart, delta)
            delta = delta + self.step_size * unit_max(slope)
            delta = ops.clip(delta, -self.epsilon, self.epsilon)
        return self.weight * apart(delta)
