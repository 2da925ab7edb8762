"""How the weights after an optimiser's step depend on the gradient it took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
from keras import ops

from tfreg import _compat
from tfreg._checks import InputError
from tfreg.functional.responses import adam_response


class BeforeStep(NamedTuple):
    """What must be known from before a step: rates and Adam's first moments."""

    rates: list[Any]
    momentums: list[Any]


class StepResponse:
    """dw'/dg of an optimiser's steps, elementwise, the state before each constant.

    SGD: −η, with Nesterov momentum β −η·(1 + β). Adam and AdamW: `adam_response`, g
    got back from the first moments before and after the step. Where `AdamW` clips by
    the global norm, g is the clipped gradient c·g₁, and dw'/dg₁ = c·dw'/dg: the factor
    c counts as a constant, which leaves out how a change of one gradient changes the
    norm of all. Decoupled decay does not depend on gradients.

    Args:
        optimizer: of a compiled model, built.
        variables: the weights that are asked about.

    Raises:
        InputError: an optimiser whose steps do not look like that.

    ``needs_trace``: whether a step traced before does not say what it clips by.
    """

    def __init__(self, optimizer: Any, variables: Sequence[Any]) -> None:
        self._optimizer = optimizer = _compat.inner_optimizer(optimizer)
        self._variables = list(variables)
        self._adam = isinstance(optimizer, keras.optimizers.Adam)
        check_response(optimizer)
        self.needs_trace = False
        if optimizer.global_clipnorm:
            self.needs_trace = optimizer.keep_clip_scale()

    def before(self) -> BeforeStep:
        """What `after` needs; to be called in front of the step."""
        rate = ops.copy(self._optimizer.learning_rate)
        rate_of = getattr(self._optimizer, "rate_of", lambda rate: lambda path: rate)
        rates = [rate_of(rate)(variable.path) for variable in self._variables]
        if not self._adam:
            return BeforeStep(rates, [])
        momentums = [
            ops.copy(_compat.first_moment(self._optimizer, variable))
            for variable in self._variables
        ]
        return BeforeStep(rates, momentums)

    def after(self, known: BeforeStep) -> list[Any]:
        """dw'/dg of each variable, float32; to be called behind the step."""
        optimizer = self._optimizer
        if not self._adam:
            momentum = optimizer.momentum if optimizer.nesterov else 0.0
            return [-ops.cast(rate, "float32") * (1 + momentum) for rate in known.rates]
        clip = optimizer.clip_scale if optimizer.global_clipnorm else 1.0
        return [
            clip * self._of_adam(variable, rate, momentum)
            for variable, rate, momentum in zip(self._variables, *known)
        ]

    def _of_adam(self, variable: Any, rate: Any, before: Any) -> Any:
        optimizer = self._optimizer
        momentum, velocity = (
            ops.cast(ops.convert_to_tensor(moment(optimizer, variable)), "float32")
            for moment in (_compat.first_moment, _compat.second_moment)
        )
        before = ops.cast(before, "float32")
        gradient = (momentum - optimizer.beta_1 * before) / (1.0 - optimizer.beta_1)
        return adam_response(
            gradient,
            momentum,
            velocity,
            optimizer.iterations,  # which the step has raised
            ops.cast(rate, "float32"),
            optimizer.beta_1,
            optimizer.beta_2,
            optimizer.epsilon,
        )


def check_response(optimizer: Any) -> None:
    """Refuse steps whose derivative is another.

    Raises:
        InputError: saying which.
    """
    known = isinstance(optimizer, (keras.optimizers.SGD, keras.optimizers.Adam))
    clips = optimizer.clipnorm or optimizer.clipvalue
    whole = optimizer.global_clipnorm and not hasattr(optimizer, "keep_clip_scale")
    why = None
    if not known:
        why = f"got {type(optimizer).__name__}"
    elif getattr(optimizer, "amsgrad", False):
        why = "got one with `amsgrad`"
    elif clips or whole:
        why = (
            "got one that clips (only tfreg.optimizers.AdamW may, by `global_clipnorm`)"
        )
    elif getattr(optimizer, "child_tuning", None):
        why = "got one with `child_tuning`"
    if why:
        raise InputError(
            "`compile(optimizer=...)`: the steps of SGD, Adam or AdamW are known as "
            f"functions of their gradient; {why}"
        )
