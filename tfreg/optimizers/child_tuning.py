"""Child-Tuning: steps on a part of the pretrained weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tfreg import _compat
from tfreg._checks import InputError, check_integer, check_number, fail
from tfreg.functional.dropout import dropout
from tfreg.selection import matches


@keras.saving.register_keras_serializable("tfreg")
class ChildTuning:
    """Which gradients reach the optimiser, after clipping and before its moments.

    - Task-free: each element of each gradient with probability p, divided by p, drawn
      anew for every step: g ← g ⊙ M/p, M ~ Bernoulli(p).
    - Driven by the task (``fisher=True``): the share p of the weights whose diagonal
      Fisher information, estimated at the start on 256 training examples
      (`tfreg.estimate_fisher`), is largest, once and for all: g ← g ⊙ M. Other weights
      stand still, decay included. `fit` chooses them at its first step; until then no
      weight that it acts on moves.

    Args:
        share: p, in (0, 1]; defaults to 0.3. The paper tries 0.2 to 0.4 task-free and
            0.1 to 0.3 driven by the task.
        fisher: whether the task chooses; defaults to False.
        paths: path patterns of the weights it acts on; None: those of the encoder, in
            a task model. The head trains as ever.
        seed: of the draws; None: the recipe's.

    Raises:
        InputError: an impossible share, patterns or seed.

    Example:
        >>> from tfreg import build_classifier
        >>> model = build_classifier(
        ...     backbone, ("bad", "good"), child_tuning=ChildTuning(0.2)
        ... )

    Xu et al. (2021), "Raise a Child in Large Language Model: Towards Effective and
    Generalizable Fine-tuning", sections 2.2 and 2.3. They sum the information over
    all training data; their code also masks the head, task-free, and lets decay move
    the weights that stand still.
    """

    def __init__(
        self,
        share: float = 0.3,
        fisher: bool = False,
        paths: Sequence[str] | None = None,
        seed: int | None = None,
    ) -> None:
        self.share = check_number("share", share, low=0, high=1, open_low=True)
        if not isinstance(fisher, bool):
            raise fail("fisher", "True or False", fisher)
        if isinstance(paths, str):
            raise fail("paths", "a sequence of patterns", paths)
        if seed is not None:
            check_integer("seed", seed, low=0, high=2**32 - 1)
        self.fisher = fisher
        self.paths = None if paths is None else tuple(paths)
        self.seed = seed

    def of(self, paths: Sequence[str], seed: int) -> ChildTuning:
        """The same with what was left open."""
        paths = paths if self.paths is None else self.paths
        seed = seed if self.seed is None else self.seed
        return ChildTuning(self.share, self.fisher, paths, seed)

    def of_those_that_train(self, variables: Sequence[Any]) -> list[Any]:
        """Those of some variables that it acts on.

        Raises:
            InputError: there are none.
        """
        found = [v for v in variables if matches(v.path, self.paths or ("*",))]
        if not found:
            raise InputError("`child_tuning`: no weight that trains matches its paths")
        return found

    def get_config(self) -> dict[str, Any]:
        paths = None if self.paths is None else list(self.paths)
        return {
            "share": self.share,
            "fisher": self.fisher,
            "paths": paths,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ChildTuning:
        """The one that `get_config` described."""
        return cls(**config)


class ChildSteps(keras.optimizers.Optimizer):
    """What makes an optimiser of Keras do `ChildTuning`.

    Put it in front of the optimiser's class. The masks of the task-driven form are
    saved with the optimiser; those of the task-free form follow from the seed and the
    step, so that they are the same on every replica and after a reload.
    """

    child_tuning: ChildTuning | None = None
    _drawn: Mapping[str, int] = {}
    _masks: Mapping[str, Any] = {}

    def build(self, variables: Any) -> None:
        if self.built:
            return
        tuning = self.child_tuning
        found = [] if tuning is None else tuning.of_those_that_train(variables)
        super().build(variables)
        if tuning is not None and tuning.fisher:
            self._masks = {
                variable.path: self.add_variable(
                    shape=variable.shape,
                    initializer="zeros",
                    dtype="bool",
                    name=f"child_{number}",
                )
                for number, variable in enumerate(found)
            }
        else:
            self._drawn = {v.path: number for number, v in enumerate(found)}

    @property
    def lacks_child(self) -> bool:
        """Whether the task is to choose the weights that train, and has not yet."""
        masks = self._masks.values()
        return bool(masks) and not any(_compat.as_numpy(mask).any() for mask in masks)

    def choose_child(self, fisher: Mapping[str, Any]) -> None:
        """Have those weights train whose Fisher information is largest.

        Args:
            fisher: {path: array} for at least all weights it acts on.
        """
        assert self.child_tuning is not None
        chosen = largest(
            {path: fisher[path] for path in self._masks}, self.child_tuning.share
        )
        for path, mask in self._masks.items():
            mask.assign(chosen[path])

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        path = _compat.keras_variable(self, variable).path
        if path in self._masks or path in self._drawn:
            gradient = _compat.dense_gradient(gradient)
        if path in self._masks:
            mask = ops.cast(self._masks[path], "bool")
            gradient = ops.where(mask, gradient, ops.zeros_like(gradient))
        elif path in self._drawn:
            tuning = self.child_tuning
            assert tuning is not None
            place = (0x9E3779B1 * self._drawn[path] + (tuning.seed or 0)) % 2**32
            step = ops.cast(self.iterations, "uint32")
            key = ops.stack([ops.cast(place, "uint32"), step])
            gradient = dropout(gradient, 1 - tuning.share, key)
        super().update_step(gradient, variable, learning_rate)

    def decay(self, variable: Any, rate: Any) -> Any:
        mask = self._masks.get(_compat.keras_variable(self, variable).path)
        if mask is not None:
            rate = rate * ops.cast(mask, variable.dtype)
        return super().decay(variable, rate)


def largest(values: Mapping[str, Any], share: float) -> dict[str, np.ndarray]:
    """Where the largest values of several arrays stand, a share of all of them.

    Zeros are never among them; of equal values at the border all are.

    Example:
        >>> largest({"a": np.array([3.0, 0.0]), "b": np.array([1.0, 2.0])}, 0.5)
        {'a': array([ True, False]), 'b': array([False,  True])}
    """
    arrays = {path: np.asarray(value) for path, value in values.items()}
    together = np.concatenate([array.ravel() for array in arrays.values()])
    kept = max(round(share * together.size), 1)
    border = np.partition(together, together.size - kept)[together.size - kept]
    return {p: (a >= border) & (a > 0) for p, a in arrays.items()}
