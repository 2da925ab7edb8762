"""The focal loss: what is answered well already counts less."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import keras
from keras import ops

from tfreg._checks import InputError, check_number
from tfreg.objectives.cross_entropy import BinaryCrossEntropy, CrossEntropy
from tfreg.objectives.objective import Objective
from tfreg.objectives.passes import Passes


@keras.saving.register_keras_serializable("tfreg")
@dataclass(frozen=True)
class Focal(Objective):
    """Cross-entropy, each text or word times (1 − p)^γ, p the probability of the truth.

    L = mean(w·(1 − p)^γ·[−log p]); for a multi-label classifier the mean over labels,
    p that of each one's true yes or no. The paper's α, a weight a class, is
    ``class_weight`` of `fit`.

    A base loss, and the one that terms over it (`RDrop`, `FGM`) take. Without label
    smoothing.

    Passes: none more.

    Args:
        gamma: γ, at least 0; 0 is cross-entropy. Defaults to 2.

    Raises:
        InputError: (when a model is built) a regressor, or label smoothing; (when it
            is compiled) a loss of your own.

    Example:
        >>> from tfreg import Recipe
        >>> Recipe(objective=Focal(2.0)).objective.passes
        0

    Lin et al. (2017), "Focal Loss for Dense Object Detection", equation 4.
    """

    gamma: float = 2.0

    strength: ClassVar[str] = "gamma"
    base: ClassVar[bool] = True
    tasks: ClassVar[tuple[str, ...]] = ("classify", "multilabel", "tag")

    def __post_init__(self) -> None:
        check_number("gamma", self.gamma, low=0)

    def __call__(self, passes: Passes) -> Any:
        return passes.loss(passes.logits)

    def replaced(self, loss: Any, task: str) -> Any:
        kind = BinaryCrossEntropy if task == "multilabel" else CrossEntropy
        if type(loss) is not kind or loss.label_smoothing:
            raise InputError(
                "`objective`: Focal stands in the place of the cross-entropy without "
                f"label smoothing; `compile` was given {loss!r}"
            )
        if task == "multilabel":
            return _BinaryFocal(self.gamma)
        return _SoftmaxFocal(self.gamma)


class _SoftmaxFocal(CrossEntropy):
    """The focal loss of label ids, as `CrossEntropy` takes them."""

    def __init__(self, gamma: float) -> None:
        super().__init__()
        self.gamma = gamma

    def call(self, y_true: Any, y_pred: Any) -> Any:
        logs = ops.log_softmax(ops.convert_to_tensor(y_pred), axis=-1)
        ids = ops.reshape(ops.convert_to_tensor(y_true), ops.shape(logs)[:-1])
        ids = ops.maximum(ops.cast(ids, "int32"), 0)
        true = ops.one_hot(ids, logs.shape[-1], dtype="float32")
        # log(1 − p), from the other labels: 1 − p itself rounds to 0.
        rest = ops.logsumexp(ops.where(true > 0, -1e9, logs), axis=-1)
        return ops.exp(self.gamma * rest) * super().call(y_true, y_pred)


class _BinaryFocal(BinaryCrossEntropy):
    """The focal loss of marks, as `BinaryCrossEntropy` takes them."""

    def __init__(self, gamma: float) -> None:
        super().__init__()
        self.gamma = gamma

    def call(self, y_true: Any, y_pred: Any) -> Any:
        marks = ops.reshape(ops.cast(y_true, "float32"), ops.shape(y_pred))
        z = ops.convert_to_tensor(y_pred) * (2.0 * marks - 1.0)  # p = σ(z)
        values = ops.exp(-self.gamma * ops.softplus(z)) * ops.softplus(-z)
        return ops.mean(values, axis=-1)
