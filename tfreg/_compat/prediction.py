"""A prediction of many batches: traced once, weights rounded once, in threads."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfreg._compat.backends import on_tensorflow
from tfreg._compat.norms import only_forward
from tfreg._compat.workers import compiles_steps, strategy_of


class RoundedBatch(NamedTuple):
    """A batch, and the kernels that layers would round to their dtype for it.

    Args:
        x: inputs.
        kernels: in the order of `_rounded_kernels`.
    """

    x: Any
    kernels: list[Any]


class ReadsRounded:
    """Lets Keras's trainer predict a `RoundedBatch`, as a base before it.

    In mixed precision Keras rounds every weight in every batch: 3 to 4 % of a
    prediction (BERT-base and minilm, bfloat16, two cores).
    """

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
    if not isinstance(model, ReadsRounded) or not _in_plain_graphs(model):
        return []
    return [tf.cast(kernel.value, dtype) for kernel, dtype in _rounded_kernels(model)]


def predicts_in_threads(model: Any) -> bool:
    """Whether threads may predict side by side; on JAX a model has a state then.

    So have its layers where Python runs them, which is for each batch if eagerly.
    """
    one = getattr(strategy_of(model), "num_replicas_in_sync", 1) == 1
    return on_tensorflow() and one and not model.run_eagerly


def _in_plain_graphs(model: Any) -> bool:
    """Whether a model predicts in graphs that take all shapes of a batch."""
    return predicts_in_threads(model) and not compiles_steps(model)


def trace_prediction(model: Any, x: Any, kernels: list[Any]) -> None:
    """Have a model's prediction traced, once and for batches of all shapes.

    Left alone, TensorFlow traces it for the first shape and again for the second. How
    either is fused differs, and so would last bits, by what came first.
    """
    model.make_predict_function()
    if not _in_plain_graphs(model):
        return
    specs = [tf.TensorSpec(kernel.shape, kernel.dtype) for kernel in kernels]
    inputs = keras.tree.map_structure(_any_shape, x)
    batch = RoundedBatch(inputs, specs) if specs else (inputs,)
    with only_forward():
        model.predict_function.get_concrete_function([batch])


def _any_shape(array: np.ndarray) -> Any:
    """Of ids all sizes are open, of features all but their number."""
    last = None if array.dtype.kind in "iu" else array.shape[-1]
    return tf.TensorSpec([*[None] * (array.ndim - 1), last], array.dtype)


def predict_in_shares(model: Any, x: Any, kernels: list[Any]) -> np.ndarray:
    """A model's outputs for a batch of arrays, of which each replica takes its share.

    For equal shares the first rows come once more, and are left out of the answer.

    Args:
        model: a model whose prediction is traced.
        x: arrays of a batch.
        kernels: of `round_kernels`.
    """
    if kernels:
        return np.asarray(model.predict_function([RoundedBatch(x, kernels)]))
    strategy = strategy_of(model)
    replicas = getattr(strategy, "num_replicas_in_sync", 1)
    if replicas == 1:
        return np.asarray(model.predict_on_batch(x))
    count = len(keras.tree.flatten(x)[0])
    share = -(-count // replicas)

    def part(context: Any) -> Any:
        start = context.replica_id_in_sync_group * share
        rows = np.arange(start, start + share) % count
        return keras.tree.map_structure(lambda array: tf.constant(array[rows]), x)

    shares = strategy.experimental_distribute_values_from_function(part)
    model.make_predict_function()
    return np.asarray(model.predict_function([(shares,)]))[:count]
