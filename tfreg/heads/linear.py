"""The plain head."""

from __future__ import annotations

from typing import Any

import keras

from tfreg._checks import check_choice
from tfreg.heads.head import POOLINGS, Head


@keras.saving.register_keras_serializable("tfreg")
class Linear(Head):
    """Dropout and one Dense layer on what the encoder says: the default head.

    Args:
        pooling: how the vectors of a text's pieces become one: ``"cls"`` (the first
            piece's, without the pretrained pooler), ``"mean"``, ``"max"``, or
            ``"attention"`` (a mean with learned weights, see `AttentionPooling`). None,
            the default, is the pretrained pooler, or the mean where there is none.
            Over a frozen encoder that was trained to be pooled (sentence encoders, and
            ``"minilm"``) ``"mean"`` is the one to take. Taggers read each word's first
            piece and take none.

    Raises:
        InputError: another value; pooling for a tagger.

    Example:
        >>> Linear(pooling="mean").get_config()
        {'pooling': 'mean'}
    """

    def __init__(self, pooling: str | None = None) -> None:
        self.pooling = check_choice("pooling", pooling, (None, *POOLINGS))

    def get_config(self) -> dict[str, Any]:
        return {"pooling": self.pooling}
