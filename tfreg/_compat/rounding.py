"""Kernels that are rounded once for all batches of a prediction."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf


class RoundedBatch(NamedTuple):
    """A batch, and the kernels that layers would round to their dtype for it.

    Args:
        x: inputs.
        kernels: in the order of `round_kernels`.
    """

    x: Any
    kernels: list[Any]


class ReadsRounded:
    """Lets Keras's trainer predict a `RoundedBatch`, as a base before it.

    In mixed precision Keras rounds every weight in every batch: 3 to 4 % of a
    prediction (BERT-base and minilm, bfloat16, two cores).
    """

    packed: Any = None  # what `packed_prediction` keeps

    def predict_step(self, *given: Any) -> Any:
        """Keras's, with kernels as they come. On JAX it is given a state first."""
        step: Any = getattr(super(), "predict_step")
        data = given[-1]
        if not isinstance(data, RoundedBatch):
            return step(*given)
        with keras.StatelessScope() as scope:
            for (kernel, _), rounded in zip(
                _rounded_kernels(self), data.kernels, strict=True
            ):
                # `add_update` would give them the variable's dtype.
                scope.state_mapping[id(kernel)] = rounded
            return step((data.x,))


def _rounded_kernels(model: Any) -> list[tuple[Any, str]]:
    """The kernels that layers read in another dtype than they have, and which."""
    return [
        (weight, layer.compute_dtype)
        for layer in model._flatten_layers()
        for weight in layer._trainable_variables + layer._non_trainable_variables
        if layer.autocast
        and layer.compute_dtype != layer.variable_dtype
        and weight.path.endswith("kernel")
    ]


def round_kernels(model: Any) -> list[Any]:
    """Kernels for all batches of a prediction; none where the model rounds its own."""
    if not isinstance(model, ReadsRounded):
        return []
    return [tf.cast(kernel.value, dtype) for kernel, dtype in _rounded_kernels(model)]
