"""Means of the weights over the steps of a fit, kept beside the weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from keras import ops

from tfreg import _compat
from tfreg._checks import InputError, check_number


class Averages:
    """A mean of each weight's values after the steps done so far.

    With w_i the weights after step i of averaging (i = 1 ... n),

    - ``ema``, of momentum m: w̄ = Σ m^{n−i}·w_i / Σ m^{n−i}, over all steps of a fit;
    - ``swa``, a share of the fit's steps: w̄ = Σ w_i / n, over the last of them. Before
      these begin, w̄ = w.

    Both are w̄ ← (1 − s)·w̄ + s·w, with s = (1 − m)/(1 − mⁿ) and s = 1/n. The division
    by Σ m^{n−i} is Adam's correction of its moments: without it, as Keras has it, a
    fit of 100 steps at m = 0.999 would end nine tenths where its first step was.

    Means are variables of the optimiser and saved with its state. While they stand in
    for the weights (`show`), the weights stand in their place; a saved model remembers
    which is which.

    Args:
        ema: momentum m in (0, 1).
        swa: share of the steps in (0, 1].

    Raises:
        InputError: a number out of range; both.

    Example:
        >>> from tfreg.optimizers import AdamW
        >>> bool(Averages(ema=0.99, swa=None)), bool(Averages(ema=None, swa=None))
        (True, False)
        >>> AdamW(swa=0.25).averages.swa
        0.25

    Polyak & Juditsky (1992), "Acceleration of stochastic approximation by averaging".
    Izmailov et al. (2018), "Averaging Weights Leads to Wider Optima and Better
    Generalization", algorithm 1 with a cycle length of 1, as for a constant rate.
    Their rate schedule, and statistics of batch normalisation, are not part of this.
    """

    def __init__(self, ema: float | None, swa: float | None) -> None:
        if ema is not None:
            check_number("ema", ema, low=0, high=1, open_low=True, open_high=True)
        if swa is not None:
            check_number("swa", swa, low=0, high=1, open_low=True)
        if ema is not None and swa is not None:
            raise InputError(
                "`ema` and `swa` cannot be combined: both are means of the weights"
            )
        self.ema = ema
        self.swa = swa

    def __bool__(self) -> bool:
        """Whether anything is averaged."""
        return self.ema is not None or self.swa is not None

    def build(self, optimizer: Any, variables: Sequence[Any]) -> None:
        """Make the optimiser's variables."""
        self._weights = list(variables)
        self._means = optimizer.add_optimizer_variables(self._weights, "average")
        self._mean_of = {id(w): mean for w, mean in zip(self._weights, self._means)}
        counter = {"shape": (), "dtype": "int32", "aggregation": "only_first_replica"}
        self._start = optimizer.add_variable(name="average_start", **counter)
        self._shown = optimizer.add_variable(name="average_shown", **counter)

    def update(self, optimizer: Any, variable: Any) -> None:
        """Take in the value of a variable, just after a step."""
        mean = self._mean_of[id(_compat.keras_variable(optimizer, variable))]
        done = ops.cast(optimizer.iterations, "float32")  # not yet counting this step
        number = ops.maximum(done - ops.cast(self._start, "float32"), 0.0) + 1.0
        if self.ema is None:
            share = 1.0 / number
        else:
            share = (self.ema - 1.0) / ops.expm1(number * math.log(self.ema))
        share = ops.cast(share, mean.dtype)
        optimizer.assign(mean, mean * (1.0 - share) + variable * share)

    def begin(self, done: int, first_step: int, total_steps: int) -> None:
        """Start a fit, or go on with one.

        Args:
            done: the optimiser's iterations.
            first_step: those when the fit began; ``done`` if it begins now.
            total_steps: of the whole fit.
        """
        last = total_steps if self.swa is None else round(self.swa * total_steps)
        self._start.assign(first_step + total_steps - max(last, 1))
        if done == first_step:
            self._shown.assign(0)
            for weight, mean in zip(self._weights, self._means):
                mean.assign(_compat.as_numpy(weight))

    def waiting(self, done: int) -> int:
        """Steps from ``done`` to the first that is averaged; 0 or less once done."""
        return int(_compat.as_numpy(self._start)) + 1 - done

    def show(self, wanted: bool) -> None:
        """Have the means, or the weights, where the weights are.

        They change places by way of NumPy: adding and subtracting, as Keras has it,
        would change their last digits in every epoch.
        """
        if bool(_compat.as_numpy(self._shown)) == wanted:
            return
        for weight, mean in zip(self._weights, self._means):
            value = _compat.as_numpy(weight)
            weight.assign(_compat.as_numpy(mean))
            mean.assign(value)
        self._shown.assign(int(wanted))
