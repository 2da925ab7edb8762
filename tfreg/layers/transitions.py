"""The scores of a conditional random field for tags that follow one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfreg.functional import crf
from tfreg.functional.iob2 import permitted


@keras.saving.register_keras_serializable("tfreg")
class Transitions(keras.layers.Layer):
    """Holds what a step from tag to tag scores; passes emissions on as they are.

    Weights, float32 and 0 at the start: ``between`` (tags, tags), ``first`` and
    ``last`` (tags,). Where the labels are IOB tags, steps to ``I-X`` from anything but
    ``B-X`` and ``I-X`` score −10⁴, and so does ``I-X`` as the first tag: a constant,
    whatever the weights are.

    Args:
        labels: tag names in id order.
        regularizer: a Keras regulariser for ``between``.

    Shapes:
        emissions: (batch, words, tags), and what goes out too.

    Example:
        >>> layer = Transitions(("O", "B-X", "I-X"))
        >>> layer(keras.ops.zeros((1, 4, 3))).shape
        TensorShape([1, 4, 3])
        >>> float(layer.chain().between[0, 2])
        -10000.0
    """

    def __init__(
        self, labels: Sequence[str], regularizer: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.labels = tuple(labels)
        self.regularizer = keras.regularizers.get(regularizer)
        self._steps, self._starts = permitted(self.labels)

    def build(self, emissions_shape: Any) -> None:
        tags = len(self.labels)
        self.between = self.add_weight(
            (tags, tags), "zeros", regularizer=self.regularizer, name="between"
        )
        self.first = self.add_weight((tags,), "zeros", name="first")
        self.last = self.add_weight((tags,), "zeros", name="last")

    def call(self, emissions: Any) -> Any:
        return emissions

    def compute_output_shape(self, emissions_shape: Any) -> Any:
        return emissions_shape

    def chain(self) -> crf.Chain:
        """The scores, those of what is forbidden too."""
        return crf.Chain(
            ops.where(self._steps, self.between, crf.FORBIDDEN),
            ops.where(self._starts, self.first, crf.FORBIDDEN),
            ops.convert_to_tensor(self.last),
        )

    def tag_scores(self, emissions: Any, tags: Any) -> Any:
        """`path_scores` of a batch whose targets say what is a word, and what context.

        Args:
            emissions: (batch, words, tags).
            tags: ids (batch, words), below 0 as in `crf.word_losses`.
        """
        tags = ops.cast(tags, "int32")
        chain = crf.at_edges(self.chain(), tags)
        return crf.path_scores(
            ops.cast(emissions, "float32"), tags != crf.NO_WORD, chain
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "labels": list(self.labels),
            "regularizer": keras.regularizers.serialize(self.regularizer),
        }
