"""Dense with its bias and GELU in one pass over memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from tfreg import _compat
from tfreg.functional.affine import affine
from tfreg.functional.gelu import gelu, gelu_new
from tfreg.functional.shapes import as_rows, shape_of, shaped
from tfreg.layers.kernel_noise import kernel_of

_FUSED = {
    gelu: "GeluExact",
    gelu_new: "GeluApproximate",
    keras.activations.relu: "Relu",
    keras.activations.tanh: "Tanh",
}
"""What TensorFlow calls the activations that a product ends with, where it has any."""
_ROWS = 840  # a multiple of so many is what is compiled for prediction


@keras.saving.register_keras_serializable("tfreg")
class Dense(keras.layers.Dense):
    """Keras's Dense, in fewer passes.

    The bias is added inside the loop of `tfreg`'s GELU, and in prediction both inside
    the product, where TensorFlow does it so; other biases in prediction, too. On
    backends that fuse by themselves (JAX) it is Keras's.

    Args:
        units, **kwargs: as for `keras.layers.Dense`.

    Example:
        >>> Dense(4, activation="relu")(keras.ops.ones((2, 3))).shape
        TensorShape([2, 4])
    """

    kernel_noise: Callable[[Any], Any] | None = None  # set by `tfreg.adapt.noise`

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        rows = as_rows(inputs, inputs.shape[-1])
        kernel, bias = kernel_of(self, training), self.bias
        shape = (*shape_of(inputs)[:-1], self.units)
        fused = bias is not None and not training and _compat.fuses_products(rows)
        if fused and self.activation in _FUSED:
            name = _FUSED[self.activation]
            return shaped(_compat.fused_product(rows, kernel, bias, name), shape)
        ours = self.activation in (gelu, gelu_new) and bias is not None
        if _compat.on_tensorflow() and ours:
            return shaped(self._activated(ops.matmul(rows, kernel), training), shape)
        x = affine(rows, kernel, bias, shape, training)
        return x if self.activation is None else self.activation(x)

    def _activated(self, x: Any, training: bool | None) -> Any:
        """Bias and GELU of the rows of a matrix."""
        if training or not _compat.on_tensorflow():
            return self.activation(x, self.bias)
        if self.activation is gelu and self.bias is not None:
            # Written so, oneDNN does it in the product; its gradient would cost more.
            return keras.activations.gelu(ops.add(x, self.bias), approximate=False)
        # Each batch of a prediction has its own shape; what is compiled has few.
        rows = ops.shape(x)[0]
        x = ops.pad(x, ((0, -rows % _ROWS), (0, 0)))
        return self.activation(x, self.bias)[:rows]
