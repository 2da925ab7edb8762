"""Learning rates over a fit: a linear rise, then a fall."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfreg._checks import check_choice, check_integer, check_number

SCHEDULES = ("linear", "cosine", "constant", "slanted")
_RATIO = 32.0  # of the highest to the lowest slanted rate


@keras.saving.register_keras_serializable("tfreg")
class WarmupDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Warm-up then decay, over a number of steps that `fit` sets.

    With s steps done since the fit began, T in all and W = warmup·T,

    - s < W: η·(s + 1)/W, at most η;
    - after that, with r = (s − W)/(T − W): η·(1 − r) for ``"linear"``,
      η·½(1 + cos πr) for ``"cosine"``, η for ``"constant"``.

    ``"slanted"`` is the triangle of Howard & Ruder (2018), equation 3, between η/32
    and η: η·(1 + 31p)/32, where p = s/W for s < W and 1 − r after that, with W rounded
    down. (Their 1 − (s − W)/(W·(1/warmup − 1)) is 1 − r before the rounding; after it,
    it makes the last rates of a short fit negative.)

    T lives in variables, so that a new fit changes it without retracing (a step that
    JAX has compiled keeps the T of then; `fit` has it compiled anew). Until it is set
    (T = 0) the rate is η.

    Args:
        learning_rate: peak η, above 0.
        warmup: share of the steps that rise, in [0, 1].
        schedule: ``"linear"``, ``"cosine"``, ``"constant"`` or ``"slanted"``.
        total_steps: T, at least 0.
        first_step: the optimiser's iterations when the fit began, at least 0.

    Example:
        >>> schedule = WarmupDecay(1.0, warmup=0.5, total_steps=4)
        >>> [round(float(schedule(step)), 2) for step in range(4)]
        [0.5, 1.0, 1.0, 0.5]

    Howard & Ruder (2018), "Universal Language Model Fine-tuning for Text
    Classification", section 3.2.
    """

    def __init__(
        self,
        learning_rate: float,
        warmup: float = 0.1,
        schedule: str = "linear",
        total_steps: int = 0,
        first_step: int = 0,
    ) -> None:
        super().__init__()
        self.learning_rate = check_number(
            "learning_rate", learning_rate, low=0, open_low=True
        )
        self.warmup = check_number("warmup", warmup, low=0, high=1)
        self.schedule = check_choice("schedule", schedule, SCHEDULES)
        self._total = _counter("total_steps", total_steps)
        self._first = _counter("first_step", first_step)

    def begin(self, first_step: int, total_steps: int) -> None:
        """Start a fit: T steps from iteration ``first_step`` on."""
        self._first.assign(check_integer("first_step", first_step, low=0))
        self._total.assign(check_integer("total_steps", total_steps, low=0))

    def __call__(self, step: Any) -> Any:
        total = ops.cast(self._total, "float32")
        done = ops.cast(step, "float32") - ops.cast(self._first, "float32")
        # An optimiser rebuilt from its config, without its state, counts from 0 again.
        done = ops.maximum(done, 0.0)
        slanted = self.schedule == "slanted"
        rise = self.warmup * total
        if slanted:
            rise = ops.floor(rise + 1e-3)  # 0.29 of 100 steps are 29, not 28.999
        left = ops.clip((total - done) / ops.maximum(total - rise, 1.0), 0.0, 1.0)
        if self.schedule == "constant":
            fall = ops.ones_like(left)
        elif self.schedule == "cosine":
            fall = 0.5 * (1.0 + ops.cos(3.141592653589793 * (1.0 - left)))
        else:
            fall = left
        begun = done if slanted else done + 1.0
        risen = ops.minimum(begun / ops.maximum(rise, 1e-6), 1.0)
        share = ops.where(done < rise, risen, fall)
        if slanted:
            share = (1.0 + share * (_RATIO - 1.0)) / _RATIO
        return self.learning_rate * ops.where(total > 0, share, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {
            "learning_rate": self.learning_rate,
            "warmup": self.warmup,
            "schedule": self.schedule,
            "total_steps": int(ops.convert_to_numpy(self._total)),
            "first_step": int(ops.convert_to_numpy(self._first)),
        }


def _counter(name: str, value: int) -> Any:
    check_integer(name, value, low=0)
    return keras.Variable(value, dtype="int32", trainable=False, name=name)
