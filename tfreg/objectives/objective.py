"""What all objectives share."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from tfreg._checks import InputError
from tfreg.objectives.passes import Passes

TASKS = ("classify", "multilabel", "regress", "tag")
_NAMES = {
    "classify": "classifier",
    "multilabel": "multi-label classifier",
    "regress": "regressor",
    "tag": "tagger",
}


@dataclasses.dataclass(frozen=True)
class Objective:
    """A part of the training loss that may make passes of its own.

    The loss of a step is one base loss, plus all terms, plus the penalties. The base
    loss is the model's own (cross-entropy, squared error) unless an objective with
    ``base = True`` stands in its place. Only training is changed: `evaluate`,
    `predict` and ``val_loss`` stay plain. Sample and class weights multiply all that
    an objective says of a text or word; padding never counts.

    A subclass is a frozen dataclass of numbers, registered with Keras, that gives its
    part in `__call__` and says of itself:

    - ``strength``: the name of the field that at 0 turns it off: no pass, plain
      training.
    - ``base``: whether it is the base loss rather than a term.
    - ``passes``: forward passes of a training step, besides the one each begins with.
    - ``tasks``: those it is defined for.
    - ``moves_embeddings``: whether it makes passes from changed embeddings.
    - ``differentiates``: whether it takes gradients inside a step.
    - ``repeats_logits``: whether it compares with `Passes.logits` under their masks.
    - ``compares_masks``: whether it has nothing to act on without dropout.
    - ``takes_whole_batch``: whether a batch taken in parts would be another thing.
    - ``serves_paths``: whether it asks no more than the loss of a prediction, and so
      goes with a CRF head, which has no prediction for a word by itself.

    Example:
        >>> import keras
        >>> @dataclasses.dataclass(frozen=True)
        ... class SmallLogits(Objective):
        ...     weight: float = 1.0
        ...
        ...     def __call__(self, passes):
        ...         squares = keras.ops.square(passes.logits)
        ...         squares = keras.ops.mean(squares, axis=-1)
        ...         return self.weight * passes.mean(passes.weigh(squares))
        >>> SmallLogits(0.1)
        SmallLogits(weight=0.1)
    """

    strength: ClassVar[str] = "weight"
    base: ClassVar[bool] = False
    tasks: ClassVar[tuple[str, ...]] = TASKS
    moves_embeddings: ClassVar[bool] = False
    differentiates: ClassVar[bool] = False
    repeats_logits: ClassVar[bool] = False
    compares_masks: ClassVar[bool] = False
    takes_whole_batch: ClassVar[bool] = False
    serves_paths: ClassVar[bool] = False

    @property
    def passes(self) -> int:
        """Forward passes of a training step, besides the one each begins with."""
        return 0

    @property
    def active(self) -> bool:
        """Whether it does anything."""
        return bool(getattr(self, self.strength) > 0)

    def __call__(self, passes: Passes) -> Any:
        """Its part of the loss of a batch, a float32 scalar.

        Under replicas it is each one's share: they sum to the whole.
        """
        raise NotImplementedError

    def replaced(self, loss: Any, task: str) -> Any:
        """The loss of single positions in training, for the model's own ``loss``.

        Raises:
            InputError: ``loss`` is one that it cannot stand in the place of.
        """
        return loss

    def check(self, task: str, dtype: str) -> None:
        """Refuse a task or a compute dtype that it is not defined for.

        Raises:
            InputError: saying why.
        """
        if task not in self.tasks:
            raise InputError(
                f"`objective`: {type(self).__name__} is not defined for a "
                f"{_NAMES[task]}"
            )

    def get_config(self) -> dict[str, Any]:
        return {
            field.name: getattr(self, field.name) for field in dataclasses.fields(self)
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Objective:
        return cls(**config)
