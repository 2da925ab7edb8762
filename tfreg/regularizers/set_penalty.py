"""Penalties on several weights together, which no regulariser of one weight can see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras

from tfreg._checks import InputError


class BoundSet:
    """A penalty on several weights, ready to be computed.

    Args:
        penalty: what is bound.
        weights: {path: variable}, those it acts on.
        value: gives its value now, a float32 scalar.
        norms: gives the norm of each group, where it has groups.

    Attributes:
        factors: what its value is multiplied by, given by functions, while its
            strength changes; none otherwise.
        shrink: the proximal step, of those that have one, given a function from a
            weight's path to its learning rate.
    """

    def __init__(
        self,
        penalty: SetPenalty,
        weights: Mapping[str, Any],
        value: Callable[[], Any],
        norms: Callable[[], Any] | None = None,
    ) -> None:
        self.penalty = penalty
        self.weights = dict(weights)
        self.norms = norms
        self.value = value
        self.factors: tuple[Callable[[], Any], ...] = ()
        self.shrink: Callable[[Callable[[str], Any]], None] | None = None

    def __call__(self) -> Any:
        value = self.value()
        for factor in self.factors:
            value = value * factor()
        return value


class SetPenalty(keras.regularizers.Regularizer):
    """A penalty on a set of weights; the model that has them adds it to its loss.

    A subclass finds its weights in `bound_to` and returns what to compute. (It is a
    regulariser so that a recipe holds, saves and reads it as one.)
    """

    def bound_to(self, variables: Mapping[str, Any]) -> BoundSet:
        """The penalty on those of these weights that it is for.

        Args:
            variables: {path: variable}, all that train.

        Raises:
            InputError: the weights it is for are not among them.
        """
        raise NotImplementedError

    def __call__(self, x: Any) -> Any:
        name = type(self).__name__
        raise InputError(
            f"{name} acts on several weights together; give it to "
            "`backbone_regularizer` by itself or in a list, not to a layer or a pattern"
        )
