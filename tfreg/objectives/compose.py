"""Several objectives as one training loss, and which cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfreg._checks import InputError
from tfreg.objectives.objective import Objective
from tfreg.objectives.passes import Passes


def acting(objective: Any) -> tuple[Objective, ...]:
    """The objectives that do anything, from a recipe's field.

    Example:
        >>> from tfreg.objectives import FGM, RDrop
        >>> acting([RDrop(0.0), FGM(0.5)])
        (FGM(weight=0.5, epsilon=1.0),)
    """
    if objective is None:
        return ()
    if isinstance(objective, Objective):
        objective = (objective,)
    return tuple(each for each in objective if each.active)


def check_together(objective: Any, recipe: Any) -> None:
    """Refuse objectives that cannot be combined, with each other or with a recipe.

    Raises:
        InputError: two base losses, one objective twice, or a setting that would take
            an objective's meaning away.
    """
    found = acting(objective)
    names = [type(each).__name__ for each in found]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"`objective`: {name} is given twice")
    bases = [type(each).__name__ for each in found if each.base]
    if len(bases) > 1:
        raise InputError(
            f"`objective`: {bases[0]} and {bases[1]} are both the base loss, of which "
            "there is one"
        )
    if recipe.label_smoothing and "Focal" in names:
        raise InputError(
            "`label_smoothing` and Focal cannot be combined: the focal loss is "
            "defined for one true label"
        )
    for each in found:
        if each.takes_whole_batch and recipe.gradient_accumulation_steps > 1:
            raise InputError(
                f"`objective`: {type(each).__name__} needs the gradient of the whole "
                "batch, which `gradient_accumulation_steps` takes in parts"
            )


def training_loss(objectives: Sequence[Objective], passes: Passes) -> Any:
    """The base loss of a batch and all terms over it, without penalties."""
    bases = [each for each in objectives if each.base]
    terms = [each for each in objectives if not each.base]
    loss = bases[0](passes) if bases else passes.loss(passes.logits)
    for term in terms:
        loss = loss + term(passes)
    return loss
