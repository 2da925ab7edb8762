"""Gaussian noise on embeddings."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfreg import _compat
from tfreg._checks import check_number
from tfreg.functional.gaussians import normal
from tfreg.layers.dropout import Dropout


@keras.saving.register_keras_serializable("tfreg")
class EmbeddingNoise(Dropout):
    """Gaussian noise, then dropout, in training only.

    y = dropout(x + s·ε), ε~N(0, 1) for each element: s is an absolute scale, beside
    embeddings that leave a layer normalisation with deviations about 1. The recipe's
    ``embedding_noise`` makes the dropout after the backbone's embeddings one of these.

    Args:
        stddev: s, at least 0.
        rate: of the dropout, in [0, 1]; defaults to 0.
        **kwargs: as for `Dropout`.

    Shapes:
        any, floating; computed in float32, returned in the layer's dtype.

    Raises:
        InputError: a deviation below 0.

    Example:
        >>> layer = EmbeddingNoise(0.1, seed=0)
        >>> x = keras.ops.ones((2, 3))
        >>> bool(keras.ops.all(layer(x, training=True) != x))
        True

    Bishop (1995), "Training with Noise is Equivalent to Tikhonov Regularization", on
    embeddings.
    """

    def __init__(self, stddev: float, rate: float = 0.0, **kwargs: Any) -> None:
        super().__init__(rate, **kwargs)
        self.stddev = check_number("stddev", stddev, low=0)
        _compat.give_seeds(self)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training and self.stddev:
            noise = normal(inputs, self.key())
            noisy = ops.cast(inputs, "float32") + self.stddev * noise
            inputs = ops.cast(noisy, self.compute_dtype)
        return super().call(inputs, training=training)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "stddev": self.stddev}
