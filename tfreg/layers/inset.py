"""Bottlenecks put behind projections."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfreg._checks import check_integer
from tfreg.functional.gelu import gelu
from tfreg.layers.dense import Dense
from tfreg.layers.einsum_dense import EinsumDense


@keras.saving.register_keras_serializable("tfreg")
class Inset(keras.layers.Layer):
    """A bottleneck beside the identity: x + gelu(x·D + d)·U + u.

    D starts as N(0, 0.01²), cut at two deviations; U and the biases start as zeros, so
    that what comes out is x.

    Args:
        dim: width of the bottleneck, at least 1.
        **kwargs: as for `keras.layers.Layer`.

    Shapes:
        input and output: (..., width). D is (width, dim), U (dim, width), float32
        whatever is computed in.

    Example:
        >>> Inset(2)(keras.ops.ones((1, 3))).numpy().tolist()
        [[1.0, 1.0, 1.0]]

    Houlsby et al. (2019), "Parameter-Efficient Transfer Learning for NLP", section
    2.1. Departure: there U starts as D does, and the start is only near the identity.
    """

    def __init__(self, dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dim = check_integer("dim", dim, low=1)
        self.down = Dense(
            dim,
            activation=gelu,
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.01),
            dtype=self.dtype_policy,
            name="down",
        )

    def build(self, input_shape: Any) -> None:
        self.up = Dense(
            input_shape[-1],
            kernel_initializer="zeros",
            dtype=self.dtype_policy,
            name="up",
        )
        self.down.build(input_shape)
        self.up.build((*input_shape[:-1], self.dim))

    def call(self, inputs: Any) -> Any:
        return ops.add(inputs, self.up(self.down(inputs)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dim": self.dim}


class InsetDense(Dense):
    """A built Dense with an `Inset` behind it; `tfreg.adapt.Adapter` makes it."""

    adapter: Inset

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return self.adapter(super().call(inputs, training=training))


class InsetEinsumDense(EinsumDense):
    """A built EinsumDense with an `Inset` behind it; `tfreg.adapt.Adapter` makes it."""

    adapter: Inset

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return self.adapter(super().call(inputs, training=training))
