"""Dropout in one pass over memory."""

from __future__ import annotations

from typing import Any

import keras

from tfreg import _compat
from tfreg.functional.dropout import dropout


@keras.saving.register_keras_serializable("tfreg")
class Dropout(keras.layers.Dropout):
    """Keras's Dropout, its mask hashed instead of drawn: the same method, cheaper.

    Other masks than Keras's for the same seed, and under a strategy others on each
    replica, where Keras's are the same on all. On backends that fuse dropout by
    themselves (JAX), with a noise shape, or at rate 1, it is Keras's.

    Args:
        rate: in [0, 1].
        **kwargs: as for `keras.layers.Dropout`.

    Example:
        >>> layer = Dropout(0.5, seed=0)
        >>> bool(keras.ops.any(layer(keras.ops.ones((4, 8)), training=True) == 0))
        True

    Srivastava et al. (2014), "Dropout: A Simple Way to Prevent Neural Networks from
    Overfitting".
    """

    def call(self, inputs: Any, training: bool = False) -> Any:
        ours = _compat.on_tensorflow() and self.noise_shape is None
        if not (training and ours and 0 < self.rate < 1):
            return super().call(inputs, training=training)
        return dropout(inputs, self.rate, self.key())

    def key(self) -> Any:
        """What the mask of this pass follows from."""
        return _compat.next_key(self.seed_generator)
