"""Dropout of weights."""

from __future__ import annotations

from typing import Any

import keras

from tfreg.layers.dropout import Dropout


@keras.saving.register_keras_serializable("tfreg")
class DropConnect(Dropout):
    """Dropout of a weight's elements, where `Dropout` drops those of activations.

    w̃ = M ⊙ w/(1−p) in training, M~Bernoulli(1−p) for each element; w at inference.
    The recipe's ``dropconnect`` puts it on every kernel of the backbone that trains.

    Args:
        rate: p, in [0, 1].
        **kwargs: as for `Dropout`.

    Example:
        >>> layer = DropConnect(0.5, seed=0)
        >>> kernel = keras.ops.ones((4, 8))
        >>> bool(keras.ops.any(layer(kernel, training=True) == 0))
        True

    Wan et al. (2013), "Regularization of Neural Networks using DropConnect", section
    3. Departures: one mask a pass, not one an example; weights are scaled by 1/(1−p) in
    training, which leaves w at inference, where they scale the mean down and sample
    from a Gaussian.
    """

    def key(self) -> Any:
        """Of all replicas: the weights of a pass are one."""
        return self.seed_generator.next()
