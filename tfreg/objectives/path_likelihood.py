"""The likelihood of whole paths of tags."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfreg._checks import InputError
from tfreg.functional.crf import word_losses
from tfreg.objectives.mean_over_real import MeanOverReal


@keras.saving.register_keras_serializable("tfreg")
class PathLikelihood(MeanOverReal):
    """Negative log-likelihood of a conditional random field, a mean over words.

    L = 1/N·Σ_i w_i·[−log p(y_i | y_{i−1}, x)], over the N words that are real (id ≥ 0),
    on all replicas together. Without weights the terms of a row sum to −log p(y | x):
    the likelihood of its tags, exactly, on the scale of `CrossEntropy`, to which it is
    equal where all transitions are 0 and nothing is forbidden. w_i are sample or class
    weights: they weigh a word's tag given the tag before. In float32.

    The transitions belong to the model, which hands them over when it is compiled.

    Shapes:
        y_true: integer ids, (batch, words); −1 is no word, −2 a word that another row
            answers for; an id of C or more makes the loss NaN.
        y_pred: emissions, (batch, words, C).

    Raises:
        InputError: called before a model with transitions is compiled with it.

    Example:
        >>> from tfreg.layers import Transitions
        >>> loss = PathLikelihood()
        >>> loss.transitions = Transitions(("NOUN", "VERB"))
        >>> loss.transitions.build((None, None, 2))
        >>> round(float(loss([[0, 1, -1]], keras.ops.zeros((1, 3, 2)))), 4)
        0.6931

    Lafferty, McCallum & Pereira (2001), "Conditional Random Fields".
    """

    def __init__(self, name: str = "path_likelihood") -> None:
        super().__init__(name=name)
        self.transitions: Any = None

    def real(self, y_true: Any) -> Any:
        return ops.cast(ops.convert_to_tensor(y_true) >= 0, "float32")

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if self.transitions is None:
            raise InputError("PathLikelihood is the loss of a tagger with `head='crf'`")
        emissions = ops.convert_to_tensor(y_pred)
        ids = ops.cast(ops.convert_to_tensor(y_true), "int32")
        known = ids < emissions.shape[-1]
        chain = self.transitions.chain()
        values = word_losses(ops.where(known, ids, 0), emissions, chain)
        return ops.where(known, values, float("nan"))

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}
