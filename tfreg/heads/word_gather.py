"""One vector a word: that of its first piece."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("tfreg")
class WordGather(keras.layers.Layer):
    """The sequence output at the first piece of each word.

    Position 0 is the start token, never a word: it stands for "no word here", and
    what is gathered there is not counted by any loss or metric (its tag id is −1).

    Shapes:
        inputs: (batch, pieces, width), and word positions (batch, words), integers.
        output: (batch, words, width).

    Example:
        >>> sequence = keras.ops.reshape(keras.ops.arange(6.0), (1, 3, 2))
        >>> places = keras.ops.convert_to_tensor([[2, 0]])
        >>> keras.ops.convert_to_numpy(WordGather()(sequence, places)).tolist()
        [[[4.0, 5.0], [0.0, 1.0]]]

    Devlin et al. (2019), section 5.3: the first sub-token represents its word.
    """

    def call(self, sequence: Any, word_positions: Any) -> Any:
        # Whole rows of one matrix: `take_along_axis` would look up number by number.
        batch, pieces = ops.shape(sequence)[:2]
        starts = ops.expand_dims(ops.arange(batch, dtype="int32") * pieces, -1)
        rows = ops.reshape(sequence, (-1, sequence.shape[-1]))
        return ops.take(rows, ops.cast(word_positions, "int32") + starts, axis=0)

    def compute_output_shape(
        self, sequence_shape: Any, word_positions_shape: Any
    ) -> Any:
        return (*word_positions_shape, sequence_shape[2])
