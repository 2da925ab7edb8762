"""The strengths of penalties that change while a model trains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tfreg import _compat
from tfreg._checks import InputError

_BETAS = 0.9, 0.999
_TINY = 1e-30


@keras.saving.register_keras_serializable("tfreg")
class Strengths(keras.layers.Layer):
    """Factors on the strengths of a model's penalties, in variables.

    Learned factors f = exp(s) are weights of the model (s, a vector, and the state of
    its optimiser), so that they are saved with it. Scheduled ones belong to one fit:
    they are 1 outside of it, and nothing of them is saved.
    """

    per: str | None = None
    """What has a learned strength: "penalty", "group" or "depth"; None: nothing."""

    names: tuple[str, ...] = ()
    """Of the learned strengths."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trainable=False, dtype="float32", **kwargs)
        self._shares: dict[str, _Share] = {}

    # === Learned ===

    def learn_by(self, per: str, names: Sequence[str]) -> bool:
        """Have learned strengths of these names, at factor 1; whether they are new.

        Raises:
            InputError: there are others.
        """
        names = tuple(dict.fromkeys(names))
        if self.per is not None:
            if (self.per, self.names) != (per, names):
                raise InputError(
                    f"`per`: this model has learned its strengths by {self.per!r} "
                    f"({', '.join(self.names)}); build one anew with "
                    "`recipe=model.learned_recipe`"
                )
            return False
        self.per, self.names = per, names
        self.log_factors = self._vector("log_factors", len(names))
        self.moments = self._vector("moments", 2, len(names))
        self.updates = self._vector("updates")
        return True

    def said(self) -> dict[str, Any]:
        """What `learn_by` is to be told again, as plain JSON values."""
        return {"per": self.per, "names": list(self.names)}

    def learned(self, name: str) -> Callable[[], Any]:
        """exp(s) of a learned strength, as a function."""
        place = self.names.index(name)
        return lambda: ops.exp(self.log_factors[place])

    def descend(self, slopes: Any, rate: float, limit: float) -> None:
        """One step of Adam on s, along dL/ds, which has no scale that anyone knows.

        Args:
            slopes: dL/ds; where one is not finite nothing is changed.
            rate: Adam's η: about the most a strength's logarithm moves.
            limit: factors stay in [1/limit, limit].
        """
        slopes = ops.convert_to_numpy(slopes).astype("float64")
        if not np.isfinite(slopes).all():
            return
        step = float(_compat.as_numpy(self.updates)) + 1
        first, root = _compat.as_numpy(self.moments).astype("float64")
        first = _BETAS[0] * first + (1 - _BETAS[0]) * slopes
        # Kept as a root: slopes are so small that float32 has no squares of them.
        root = np.sqrt(_BETAS[1] * root**2 + (1 - _BETAS[1]) * slopes**2)
        way = first / (1 - _BETAS[0] ** step)
        way /= np.maximum(root / np.sqrt(1 - _BETAS[1] ** step), _TINY)
        s = _compat.as_numpy(self.log_factors)
        bound = np.log(limit)
        self.log_factors.assign(np.clip(s - rate * way, -bound, bound))
        self.moments.assign(np.stack([first, root]))
        self.updates.assign(step)

    # === Scheduled ===

    def share_out(self, kinds: Sequence[str]) -> bool:
        """Have scheduled factors on these kinds of penalties; whether one is new."""
        new = [kind for kind in kinds if kind not in self._shares]
        for kind in new:
            variable = keras.Variable(1.0, trainable=False, name=f"share_{kind}")
            # A function: the layer would take the variable for a weight of its own.
            self._shares[kind] = _Share(variable)
        return bool(new)

    def set_share(self, kind: str, value: float) -> None:
        """Set the scheduled factor on a kind of penalty."""
        self._shares[kind].variable().assign(value)

    def end_shares(self) -> None:
        """Set all scheduled factors to 1, as they are outside of a fit."""
        for kind in self._shares:
            self.set_share(kind, 1.0)

    # === Both ===

    def factors(self, kind: str, name: str) -> list[Callable[[], Any]]:
        """What multiplies a penalty of a kind, whose learned strength has a name."""
        found = [self.learned(name)] if name in self.names else []
        shares = [self._shares[kind]] if kind in self._shares else []
        return [*found, *shares]

    def _vector(self, name: str, *shape: int) -> Any:
        return self.add_weight(
            shape=shape, initializer="zeros", trainable=False, name=name
        )


class _Share:
    """A factor in a variable that no layer is to find."""

    def __init__(self, variable: Any) -> None:
        self.variable = lambda: variable

    def __call__(self) -> Any:
        return self.variable().value
