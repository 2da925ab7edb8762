"""Low-rank updates of projections whose own kernels stand still."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from tfreg._checks import check_integer, check_number
from tfreg.functional.gelu import gelu, gelu_new
from tfreg.layers.dense import Dense
from tfreg.layers.einsum_dense import EinsumDense, contracted


@keras.saving.register_keras_serializable("tfreg")
class LowRank(keras.layers.Layer):
    """A product with a matrix of low rank: (α/r)·x·A·B.

    A starts as N(0, 1/(3·inputs)) and B as zeros, so that the product does too.

    Args:
        units: width of the output, at least 1.
        rank: r, at least 1.
        alpha: α, above 0.
        **kwargs: as for `keras.layers.Layer`.

    Shapes:
        input: (..., inputs); output: (..., units). A is (inputs, r), B (r, units),
        float32 whatever is computed in.

    Example:
        >>> float(keras.ops.max(LowRank(4, rank=2, alpha=4)(keras.ops.ones((2, 3)))))
        0.0

    Hu et al. (2021), "LoRA: Low-Rank Adaptation of Large Language Models", section
    4.1. The paper leaves A's variance open: it is that of the authors' code.
    """

    def __init__(self, units: int, rank: int, alpha: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = check_integer("units", units, low=1)
        self.rank = check_integer("rank", rank, low=1)
        self.alpha = check_number("alpha", alpha, low=0, open_low=True)

    def build(self, input_shape: Any) -> None:
        normal = keras.initializers.VarianceScaling(
            1 / 3, mode="fan_in", distribution="untruncated_normal"
        )
        self.a = self.add_weight(
            name="a",
            shape=(input_shape[-1], self.rank),
            initializer=normal,
            dtype="float32",
        )
        self.b = self.add_weight(
            name="b",
            shape=(self.rank, self.units),
            initializer="zeros",
            dtype="float32",
        )

    @property
    def scale(self) -> float:
        """α/r."""
        return self.alpha / self.rank

    def update(self) -> Any:
        """(α/r)·A·B as one matrix, in float32."""
        a, b = (ops.cast(factor, "float32") for factor in (self.a, self.b))
        return ops.multiply(ops.matmul(a, b), self.scale)

    def call(self, inputs: Any) -> Any:
        x = ops.multiply(ops.matmul(inputs, self.a), self.scale)
        return ops.matmul(x, self.b)

    def get_config(self) -> dict[str, Any]:
        own = {"units": self.units, "rank": self.rank, "alpha": self.alpha}
        return {**super().get_config(), **own}


class LoRADense(Dense):
    """A built Dense with a low-rank update: activation(x·W + (α/r)·x·A·B + b).

    `tfreg.adapt.LoRA` makes it of one, which it gives a `LowRank`.
    """

    lora: LowRank

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        x = ops.reshape(inputs, (-1, inputs.shape[-1]))
        x = ops.add(ops.matmul(x, self.kernel), self.lora(x))
        if self.activation in (gelu, gelu_new):
            x = self._activated(x, training)
        else:
            x = x if self.bias is None else ops.add(x, self.bias)
            x = x if self.activation is None else self.activation(x)
        return ops.reshape(x, (*ops.shape(inputs)[:-1], self.units))


class LoRAEinsumDense(EinsumDense):
    """A built EinsumDense, one product and no activation, with a low-rank update.

    `tfreg.adapt.LoRA` makes it of one, which it gives a `LowRank`.
    """

    lora: LowRank

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        axes = contracted(self.equation)
        assert axes is not None
        x = ops.reshape(inputs, (-1, math.prod(self.kernel.shape[:axes])))
        shape = (*ops.shape(inputs)[:-axes], *self.kernel.shape[axes:])
        update = ops.reshape(self.lora(x), shape)
        return ops.add(super().call(inputs, training=training), update)
