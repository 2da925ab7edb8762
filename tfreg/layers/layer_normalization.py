"""Layer normalisation in one pass over memory."""

from __future__ import annotations

from typing import Any

import keras

from tfreg import _compat
from tfreg.functional.layer_norm import layer_norm
from tfreg.functional.real_rows import RealRows


@keras.saving.register_keras_serializable("tfreg")
class LayerNormalization(keras.layers.LayerNormalization):
    """Keras's LayerNormalization, in one pass over memory each way.

    Over other axes than the last, without scale or centre, and on backends that fuse
    by themselves (JAX) it is Keras's.

    Args:
        axis, epsilon, **kwargs: as for `keras.layers.LayerNormalization`.

    Example:
        >>> layer = LayerNormalization(epsilon=1e-12)
        >>> float(keras.ops.max(layer(keras.ops.array([[1.0, 3.0]]))))
        1.0

    Ba, Kiros & Hinton (2016), "Layer Normalization".
    """

    real: RealRows | None = None  # set by `tfreg.adapt.real_pieces`

    def call(self, inputs: Any) -> Any:
        axes = self.axis if isinstance(self.axis, (tuple, list)) else [self.axis]
        last = [axis % len(inputs.shape) for axis in axes] == [len(inputs.shape) - 1]
        plain = self.scale and self.center and not self.rms_scaling
        if not (_compat.on_tensorflow() and last and plain):
            return super().call(inputs)
        training = _compat.in_training()
        real = self.real if training and len(inputs.shape) == 3 else None
        x = inputs if real is None else real.keep(inputs)
        y = layer_norm(x, self.gamma, self.beta, self.epsilon, training)
        y = keras.ops.cast(y, self.compute_dtype)
        return y if real is None else real.spread(y)
