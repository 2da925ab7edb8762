"""Gaussian noise on weights."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfreg._checks import check_number
from tfreg.functional.gaussians import normal


@keras.saving.register_keras_serializable("tfreg")
class WeightNoise(keras.layers.GaussianNoise):
    """A weight with Gaussian noise on it in every pass of training.

    w̃ = w + s·sd(w)·ε in training, ε~N(0, 1) for each element, sd(w) the standard
    deviation of the weight's own elements, a constant to the gradient; w at inference.
    The recipe's ``weight_noise`` puts it on every kernel of the backbone that trains.

    Args:
        stddev: s, in [0, 1].
        **kwargs: as for `keras.layers.GaussianNoise`.

    Shapes:
        any, floating; computed in float32, returned in the layer's dtype.

    Raises:
        InputError: a deviation outside [0, 1].

    Example:
        >>> layer = WeightNoise(0.1, seed=0)
        >>> kernel = keras.ops.reshape(keras.ops.arange(6.0), (2, 3))
        >>> bool(keras.ops.all(layer(kernel, training=True) != kernel))
        True

    An (1996), "The Effects of Adding Noise During Backpropagation Training on a
    Generalization Performance", on weight noise. Departures: its scale is the weight's
    own deviation, as NoisyTune's, not one for all weights; one sample a pass, not one
    an example.
    """

    def __init__(self, stddev: float, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(check_number("stddev", stddev, low=0, high=1), seed, **kwargs)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or not self.stddev:
            return inputs
        # Of all replicas: the weights of a pass are one.
        noise = normal(inputs, self.seed_generator.next())
        weight = ops.cast(inputs, "float32")
        scale = ops.stop_gradient(self.stddev * ops.std(weight))
        return ops.cast(weight + scale * noise, self.compute_dtype)
