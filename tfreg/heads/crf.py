"""The head that scores tags by the tags around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from tfreg import _compat
from tfreg._checks import InputError, fail
from tfreg.heads.head import Head
from tfreg.layers import Transitions
from tfreg.regularizers.combined import encoder_only


@keras.saving.register_keras_serializable("tfreg")
class CRF(Head):
    """A linear-chain conditional random field over the words of a sentence.

    p(y | x) = exp(Σ_t e_t[y_t] + Σ_t T[y_{t−1}, y_t] + first[y_1] + last[y_n]) / Z,
    with the Dense layer's outputs as emissions e and learned transitions T, first and
    last, all 0 at the start. Trained by the negative log-likelihood, a mean over words
    (see `tfreg.objectives.PathLikelihood`); predicted by Viterbi's algorithm, on the
    whole sentence also where it was read through windows. In training, the words of a
    window that another one answers for are left out.

    Where the labels are IOB tags, ``I-X`` after anything but ``B-X`` and ``I-X`` is
    impossible, in training and prediction. A tag in the data that is, a stray
    ``I-X`` left unrepaired, is not learned from.

    Called as a function, the model gives emissions. What `predict` returns are
    log-probabilities of tags (by forward-backward), the tag of the best path raised
    to the top where it is not there by itself: its argmax are the tags. Scores in `fit`
    and `evaluate` are those of such paths too, of each row (window) by itself.

    The transitions learn at the rate of all other weights; at those usual for
    encoders, 5e-5, they stay near 0 in a short fit, and what the head adds is mostly
    that paths are scored as wholes, without impossible ones.

    Args:
        regularizer: a Keras regulariser for T; None for none. (The recipe's
            ``kernel_regularizer`` acts on the Dense kernel.)

    Raises:
        InputError: another task than tagging, label smoothing (there is no target to
            be smoothed), or another backend than TensorFlow.

    Example:
        >>> from tfreg import build_tagger
        >>> model = build_tagger(
        ...     backbone, ("O", "B-PER", "I-PER"), tokenizer=tokenizer, head=CRF()
        ... )
        >>> model.predict_labels([["good", "text"]])[0][0].label in model.labels
        True

    Lafferty, McCallum & Pereira (2001), "Conditional Random Fields"; Lample et al.
    (2016), "Neural Architectures for Named Entity Recognition", section 2.2. Impossible
    steps in training as in Papay, Klinger & Padó (2022), "Constraining Linear-chain
    CRFs to Regular Languages".
    """

    scores_paths = True

    def __init__(self, regularizer: Any = None) -> None:
        if isinstance(regularizer, Mapping):
            regularizer = keras.regularizers.get(dict(regularizer))
        plain = isinstance(regularizer, keras.regularizers.Regularizer)
        if regularizer is not None and not plain or encoder_only(regularizer):
            raise fail(
                "regularizer",
                "a Keras regularizer that is for any weight, not an encoder's",
                regularizer,
            )
        self.regularizer = regularizer

    def check(self, task: str, recipe: Any) -> None:
        if task != "tag":
            raise InputError(
                "`head='crf'` is for taggers: it scores tags by the tags around them"
            )
        if recipe.label_smoothing:
            raise InputError(
                "`label_smoothing` has no meaning with `head='crf'`, whose likelihood "
                "is that of a whole sentence"
            )
        if not _compat.on_tensorflow():
            raise InputError("`head='crf'` needs Keras's TensorFlow backend")

    def transitions(self, labels: Sequence[str]) -> Any:
        return Transitions(labels, self.regularizer, name="transitions")

    def get_config(self) -> dict[str, Any]:
        return {"regularizer": keras.regularizers.serialize(self.regularizer)}
