"""Layer normalisation over the last axis, in one pass over memory each way."""

from __future__ import annotations

from typing import Any

from keras import ops

from tfreg.functional.add_norm import add_norm


def layer_norm(
    x: Any, gamma: Any, beta: Any, epsilon: float, training: bool | None = False
) -> Any:
    """(x − mean)/√(variance + ε)·gamma + beta, over the last axis.

    It is `add_norm` to zeros: an encoder has both for arrays of one shape, and to
    compile one for a shape takes as long as a hundred uses of it.

    Args:
        x: any shape (..., width), floating; computed in float32, returned in its own
            dtype.
        gamma: float32, (width,).
        beta: float32, (width,).
        epsilon: beside the variance, above 0.
        training: whether it is compiled, as for `add_norm`. Defaults to False.

    Example:
        >>> import keras
        >>> x = keras.ops.array([[1.0, 3.0]])
        >>> layer_norm(x, [1.0, 1.0], [0.0, 0.0], 1e-12).numpy().tolist()
        [[-1.0, 1.0]]

    Ba, Kiros & Hinton (2016), "Layer Normalization", equation 4.
    """
    x = ops.convert_to_tensor(x)
    zeros = ops.zeros_like(x)
    return add_norm(x, zeros, gamma, beta, epsilon, key=(0, 0), training=training)
