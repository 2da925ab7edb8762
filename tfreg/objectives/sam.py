"""Sharpness-aware minimisation: the loss at the worst weights close by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import keras

from tfreg import _compat
from tfreg._checks import check_number
from tfreg.functional.perturbations import unit_together
from tfreg.objectives.objective import Objective
from tfreg.objectives.passes import Passes


@keras.saving.register_keras_serializable("tfreg")
@dataclass(frozen=True)
class SAM(Objective):
    """The loss where one gradient step on the weights, uphill, leads.

    L(θ + ρ·g/‖g‖₂), with g = ∇L(θ) of the whole batch, over all replicas, and ‖·‖₂ over
    all weights that train. The step is constant when the gradient is taken; both
    passes have the same dropout masks. Penalties are no part of g: they are added at
    θ, as in the paper, and so are terms (`RDrop`, `FGM`).

    A base loss: it stands in the place of the loss at θ.

    Passes: 2 more, one for g; the first then serves the training scores alone. A copy
    of all weights that train is kept for the while.

    Args:
        rho: ρ, at least 0; 0.01 to 0.5. Defaults to 0.05.

    Raises:
        InputError: (when a model is built) with gradient accumulation.

    Example:
        >>> from tfreg import Recipe
        >>> Recipe(objective=SAM(0.05)).objective.passes
        2

    Foret et al. (2021), "Sharpness-Aware Minimization for Efficiently Improving
    Generalization", equations 2 and 3 with p = 2. Their code takes g on each device
    alone; this is the paper's text, and the same on any number of devices.
    """

    rho: float = 0.05

    strength: ClassVar[str] = "rho"
    base: ClassVar[bool] = True
    differentiates: ClassVar[bool] = True
    takes_whole_batch: ClassVar[bool] = True
    serves_paths: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number("rho", self.rho, low=0)

    @property
    def passes(self) -> int:
        return 2

    def __call__(self, passes: Passes) -> Any:
        def loss(*weights: Any) -> Any:
            return passes.loss_at(weights)

        weights = passes.weights
        _, slopes = passes.slopes(loss, *weights)
        uphill = unit_together([_compat.global_sum(slope) for slope in slopes])
        return loss(*(w + self.rho * step for w, step in zip(weights, uphill)))
