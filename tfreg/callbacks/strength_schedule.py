"""Strengths of penalties that rise and fall over a fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras

from tfreg import _compat
from tfreg._checks import InputError, check_choice, check_number

DECAYS = ("constant", "linear", "cosine")


class StrengthSchedule(keras.callbacks.Callback):
    """Multiplies the strengths of penalties by a factor that changes with every step.

    With s steps of the fit done, T in all and W = warmup·T, the factor is

    - s < W: (s + 1)/W, at most 1;
    - after that, with r = (s − W)/(T − W): 1 for ``"constant"``,
      1 − (1 − final)·r for ``"linear"``,
      final + (1 − final)·½(1 + cos πr) for ``"cosine"``;

    as the learning rate's `WarmupDecay`. It acts live, without another trace; the logs
    of each epoch have the strength of its last step as ``strength/<name>``. After the
    fit the factor is 1 again, and a saved model knows nothing of it. A fit that goes
    on, at ``initial_epoch``, goes on with it.

    Args:
        warmup: share of the steps that rise, in [0, 1]; defaults to 0.
        decay: what follows, ``"constant"`` (default), ``"linear"`` or ``"cosine"``.
        final: the factor that it falls to, at least 0 (above 1 it rises); defaults
            to 0. Without effect where the decay is constant.
        penalties: kinds that are scheduled, by their names in the logs: ``("l2sp",)``;
            None (default): all.

    Raises:
        InputError: a number out of range; and, from `fit`: no such penalty, a proximal
            one, several steps in one execution, or another backend than TensorFlow.

    Example:
        >>> from tfreg import build_classifier, callbacks
        >>> from tfreg.regularizers import L2SP
        >>> model = build_classifier(
        ...     backbone, ("bad", "good"), tokenizer=tokenizer,
        ...     backbone_regularizer=L2SP(1e-2),
        ... )
        >>> schedule = callbacks.StrengthSchedule(decay="linear", penalties=["l2sp"])
        >>> history = model.fit(
        ...     ["a good text", "a bad text"], ["good", "bad"], epochs=4, verbose=0,
        ...     callbacks=[schedule],
        ... )
        >>> [round(value, 4) for value in history.history["strength/l2sp"]]
        [0.01, 0.0075, 0.005, 0.0025]
    """

    def __init__(
        self,
        warmup: float = 0.0,
        decay: str = "constant",
        *,
        final: float = 0.0,
        penalties: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        self.warmup = check_number("warmup", warmup, low=0, high=1)
        self.decay = check_choice("decay", decay, DECAYS)
        self.final = check_number("final", final, low=0)
        if isinstance(penalties, str):
            raise InputError(f"`penalties` must be a sequence; got {penalties!r}")
        self.penalties = None if penalties is None else tuple(penalties)
        self._strengths: list[Any] = []

    def factor(self, done: int, total: int) -> float:
        """The factor of the step before which ``done`` of ``total`` are done.

        Example:
            >>> schedule = StrengthSchedule(0.5, "cosine", final=0.5)
            >>> [round(schedule.factor(step, 4), 2) for step in range(5)]
            [0.5, 1.0, 1.0, 0.75, 0.5]
        """
        rise = self.warmup * total
        if done < rise:
            return min((done + 1) / rise, 1.0)
        if self.decay == "constant":
            return 1.0
        share = min((done - rise) / max(total - rise, 1e-9), 1.0)
        if self.decay == "cosine":
            share = 0.5 * (1.0 - math.cos(math.pi * share))
        return 1.0 - (1.0 - self.final) * share

    def check(self, model: Any) -> None:
        """Refuse a model whose single steps cannot be reached.

        Raises:
            InputError: saying why.
        """
        if not _compat.on_tensorflow():
            raise InputError("`StrengthSchedule` needs Keras's TensorFlow backend")
        if model.steps_per_execution > 1:
            raise InputError(
                "`StrengthSchedule` changes single steps: `steps_per_execution` must "
                f"be 1; got {model.steps_per_execution}"
            )

    def begin(self, strengths: Sequence[Any], steps: int, epochs: int) -> None:
        """Take what a fit has made ready.

        Args:
            strengths: what is scheduled, with ``name`` and ``number``.
            steps: of an epoch.
            epochs: of the whole fit.
        """
        self._strengths = list(strengths)
        self._steps, self._total, self._before = steps, steps * epochs, 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._before = epoch * self._steps

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._set(self.factor(self._before + batch, self._total))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None:
            logs |= {f"strength/{one.name}": one.number() for one in self._strengths}

    def on_train_end(self, logs: Any = None) -> None:
        self._set(1.0)

    def _set(self, factor: float) -> None:
        for one in self._strengths:
            self.model.strengths.set_share(one.name, factor)
