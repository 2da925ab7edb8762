"""Several dropout masks in one pass."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfreg._checks import check_integer
from tfreg.layers.dropout import Dropout


@keras.saving.register_keras_serializable("tfreg")
class MultiSampleDropout(Dropout):
    """Dropout that in training gives its input under M masks, on a new first axis.

    What follows is computed for each of them, with the same weights, and the loss is
    the mean of the M losses: the gradient of M passes of the head, for one of the
    encoder. At inference it gives its input. The recipe's ``multi_sample_dropout``
    has it before the last layer of the head.

    Args:
        rate: in [0, 1].
        samples: M, at least 1; 4 to 8 as a rule. With 1, the default, it is `Dropout`,
            without another axis.
        **kwargs: as for `Dropout`.

    Shapes:
        input: (batch, ...), floating; output: the same, in training (M, batch, ...).

    Raises:
        InputError: fewer samples than 1.

    Example:
        >>> layer = MultiSampleDropout(0.5, samples=4)
        >>> x = keras.ops.ones((2, 3))
        >>> layer(x, training=True).shape, layer(x).shape
        (TensorShape([4, 2, 3]), TensorShape([2, 3]))

    Inoue (2019), "Multi-Sample Dropout for Accelerated Training and Better
    Generalization", section 3.
    """

    def __init__(self, rate: float, samples: int = 1, **kwargs: Any) -> None:
        super().__init__(rate, **kwargs)
        self.samples = check_integer("samples", samples, low=1)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training and self.samples > 1:
            inputs = ops.stack([inputs] * self.samples)
        return super().call(inputs, training=training)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "samples": self.samples}
