"""A prediction of many batches: traced once, weights rounded once, in threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfreg._compat.backends import on_tensorflow
from tfreg._compat.graphs import optimized_once
from tfreg._compat.norms import only_forward
from tfreg._compat.packing import packed_prediction
from tfreg._compat.rounding import RoundedBatch, round_kernels
from tfreg._compat.workers import compiles_steps, strategy_of


def predicts_in_threads(model: Any) -> bool:
    """Whether threads may predict side by side; on JAX a model has a state then.

    So have its layers where Python runs them, which is for each batch if eagerly.
    """
    one = getattr(strategy_of(model), "num_replicas_in_sync", 1) == 1
    return on_tensorflow() and one and not model.run_eagerly


def traced_prediction(model: Any, x: Any) -> Callable[[Any], np.ndarray]:
    """What gives a model's outputs for batches of arrays, of all shapes.

    Left alone, TensorFlow traces it for the first shape and again for the second. How
    either is fused differs, and so would last bits, by what came first.

    Args:
        model: a compiled model.
        x: a batch; others are like it, of other sizes.
    """
    model.make_predict_function()
    if not predicts_in_threads(model) or compiles_steps(model):
        return lambda x: _in_shares(model, x)
    kernels = round_kernels(model)
    inputs = keras.tree.map_structure(_any_shape, x)
    with optimized_once():
        packed = packed_prediction(model, _tensors(x), inputs, kernels)
    if packed is None:
        specs = [tf.TensorSpec(kernel.shape, kernel.dtype) for kernel in kernels]
        batch = RoundedBatch(inputs, specs) if specs else (inputs,)
        with only_forward():
            model.predict_function.get_concrete_function([batch])

    def predict(x: Any) -> np.ndarray:
        with optimized_once():  # options are a thread's own
            if packed is not None:
                return np.asarray(packed(_tensors(x)))
            batch = RoundedBatch(x, kernels) if kernels else (x,)
            return np.asarray(model.predict_function([batch]))

    return predict


def _tensors(x: Any) -> Any:
    return keras.tree.map_structure(tf.constant, x)


def _any_shape(array: np.ndarray) -> Any:
    """Of ids all sizes are open, of features all but their number."""
    last = None if array.dtype.kind in "iu" else array.shape[-1]
    return tf.TensorSpec([*[None] * (array.ndim - 1), last], array.dtype)


def _in_shares(model: Any, x: Any) -> np.ndarray:
    """A model's outputs for a batch of arrays, of which each replica takes its share.

    For equal shares the first rows come once more, and are left out of the answer.
    """
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
    return np.asarray(model.predict_function([(shares,)]))[:count]
