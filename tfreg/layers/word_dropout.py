"""Dropout of whole pieces of the text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfreg import _compat
from tfreg._checks import check_integer, check_number
from tfreg.functional.dropout import chosen


@keras.saving.register_keras_serializable("tfreg")
class WordDropout(keras.layers.Layer):
    """Hides pieces of the text in training, each with the same probability.

    A hidden piece is replaced by another, as a rule [MASK], which the encoder knows
    from its pretraining; nothing is rescaled. At inference ids pass as they are. The
    recipe's ``word_dropout`` puts it in front of the backbone.

    Args:
        rate: share of the pieces that is hidden, in [0, 1).
        replacement: id of what stands in their place, at least 0.
        keep: ids that are never hidden: [CLS], [SEP] and padding.
        seed: of the masks; None draws one.
        **kwargs: as for `keras.layers.Layer`.

    Shapes:
        token ids and output: (batch, pieces), integers.

    Raises:
        InputError: a rate outside [0, 1), or an id below 0.

    Example:
        >>> ids = keras.ops.convert_to_tensor([[2, 7, 8, 9, 3, 0]])
        >>> layer = WordDropout(0.9, replacement=4, keep=(0, 2, 3), seed=1)
        >>> keras.ops.convert_to_numpy(layer(ids)).tolist()
        [[2, 7, 8, 9, 3, 0]]

    Bowman et al. (2016), "Generating Sentences from a Continuous Space", section 3.1.
    Departure: theirs become the unknown word.
    """

    def __init__(
        self,
        rate: float,
        replacement: int,
        keep: Sequence[int] = (),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rate = check_number("rate", rate, low=0, high=1, open_high=True)
        self.replacement = check_integer("replacement", replacement, low=0)
        self.keep = tuple(check_integer("keep", piece, low=0) for piece in keep)
        self.seed = seed
        self.seed_generator = _compat.ReplicaSeeds(seed)

    def call(self, token_ids: Any, training: bool = False) -> Any:
        if not training or not self.rate:
            return token_ids
        hidden = chosen(token_ids, self.rate, self.seed_generator.next())
        for piece in self.keep:
            hidden = ops.logical_and(hidden, ops.not_equal(token_ids, piece))
        replacement = ops.cast(self.replacement, token_ids.dtype)
        return ops.where(hidden, replacement, token_ids)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rate": self.rate,
            "replacement": self.replacement,
            "keep": list(self.keep),
            "seed": self.seed,
        }
