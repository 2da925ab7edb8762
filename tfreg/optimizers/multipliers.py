"""Learning rates of their own for groups of weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
from keras import ops

from tfreg import _compat
from tfreg._checks import InputError, check_number
from tfreg.selection import matches


class RateMultipliers(keras.optimizers.Optimizer):
    """What gives `OnePassAdamW` a factor on the rate of each group of weights.

    Put it in front of that class. A group is a path pattern; a weight is in
    the first that it matches, and without one its factor is 1. The factors live in
    variables: `scale` acts on the next step, in a graph that is traced already, and
    they are saved with the optimiser. Moments go on being kept at factor 0.
    """

    multipliers: dict[str, float] = {}
    """{path pattern: factor}, as given and as kept in the config."""

    def hold(self, patterns: Iterable[str]) -> None:
        """Have a factor, 1, for each of these patterns, if there is none.

        Raises:
            InputError: the optimiser is built, so that it is too late for one.
        """
        missing = [pattern for pattern in patterns if pattern not in self.multipliers]
        if missing and self.built:
            raise InputError(
                f"the optimizer has trained without a rate for {missing[0]!r}; compile "
                "the model anew"
            )
        self.multipliers = {**self.multipliers, **dict.fromkeys(missing, 1.0)}

    def scale(self, pattern: str, share: float) -> None:
        """Set the factor of a group to a share of what was given."""
        self._factors[pattern].assign(self.multipliers[pattern] * share)

    def group(self, path: str) -> str | None:
        """The pattern whose factor the weight at a path has."""
        return next((p for p in self.multipliers if matches(path, [p])), None)

    def build(self, variables: Any) -> None:
        if self.built:
            return
        super().build(variables)
        self._factors = {
            pattern: self.add_variable(
                shape=(),
                initializer=keras.initializers.Constant(factor),
                dtype="float32",
                aggregation="only_first_replica",
                name=f"multiplier_{number}",
            )
            for number, (pattern, factor) in enumerate(self.multipliers.items())
        }
        self._groups = {
            variable.path: self.group(variable.path) for variable in variables
        }

    def rate_of(self, rate: Any) -> Callable[[str], Any]:
        """The learning rate of the weight at a path, in a step whose rate is known."""
        rates: dict[str | None, Any] = {None: ops.cast(rate, "float32")}
        for pattern, factor in self._factors.items():
            rates[pattern] = rates[None] * ops.cast(factor, "float32")
        return lambda path: rates[self._groups[path]]

    def _multiplied(self, learning_rate: Any, group: str) -> Any:
        factor = ops.cast(self._factors[group], "float32")
        return ops.multiply(ops.cast(learning_rate, "float32"), factor)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        group = self._groups[_compat.keras_variable(self, variable).path]
        if group is not None:
            learning_rate = self.once("rate", (learning_rate, group), self._multiplied)
        super().update_step(gradient, variable, learning_rate)


def check_multipliers(multipliers: Mapping[str, float] | None) -> dict[str, float]:
    """{path pattern: factor}, factors at least 0.

    Example:
        >>> check_multipliers({"token_embedding/*": 0.5})
        {'token_embedding/*': 0.5}
    """
    return {
        str(pattern): check_number(f"multipliers[{pattern!r}]", factor, low=0)
        for pattern, factor in (multipliers or {}).items()
    }
