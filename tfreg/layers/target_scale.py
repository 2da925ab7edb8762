"""Predictions in the units of the targets, whatever these are."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("tfreg")
class TargetScale(keras.layers.Layer):
    """m + s·z: a standardised prediction z as a number like the targets.

    m and s are the targets' mean and standard deviation. Without them a regressor's
    bias has to walk from 0 to the mean by steps of the learning rate, which takes
    longer than most fits last.

    Weights, float32 and not trained: ``mean`` (0 at the start), ``deviation`` (1), and
    ``known``, which is 1 once there were targets.

    Shapes:
        inputs: any; output: the same.

    Example:
        >>> layer = TargetScale()
        >>> layer.learn([[1.0], [3.0]])
        >>> [float(x) for x in layer(keras.ops.array([0.0, 1.0]))]
        [2.0, 3.0]
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        for name, start in (
            ("mean", "zeros"),
            ("deviation", "ones"),
            ("known", "zeros"),
        ):
            setattr(self, name, self.add_weight((), start, trainable=False, name=name))

    def learn(self, targets: Any) -> None:
        """Take mean and deviation of these targets, if there were none before.

        What is trained on top of them would mean something else under others.
        """
        values = np.asarray(targets, "float64")
        if float(ops.convert_to_numpy(self.known)) or not values.size:
            return
        self.mean.assign(values.mean())
        self.deviation.assign(values.std() or 1.0)
        self.known.assign(1.0)

    def call(self, inputs: Any) -> Any:
        return self.mean + self.deviation * inputs

    def compute_output_shape(self, shape: Any) -> Any:
        return shape
