"""What differs between backends, replicas and devices."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops


def on_tensorflow() -> bool:
    """Whether Keras runs on TensorFlow; JAX compiles and fuses by itself."""
    return keras.backend.backend() == "tensorflow"


def on_processors() -> bool:
    """Whether Keras runs on TensorFlow, which has no GPU to compute on."""
    return on_tensorflow() and not tf.config.list_logical_devices("GPU")


def rows_at(x: Any, places: Any) -> Any:
    """Some rows of a tensor. `ops.take` counts from the end too, by eight more."""
    return tf.gather(x, places) if on_tensorflow() else ops.take(x, places, axis=0)


def largest(x: Any) -> Any:
    """The place of the largest of the last axis, int32; the first of equal ones.

    `ops.argmax` on TensorFlow takes 0 for larger than -0, by eight operations more.
    """
    if on_tensorflow():
        return tf.argmax(x, axis=-1, output_type="int32")
    return ops.cast(ops.argmax(x, axis=-1), "int32")


def shaped_like(x: Any, like: Any) -> Any:
    """``x`` in the shape of another tensor, which `ops.shape` takes apart and packs."""
    on = on_tensorflow()
    return tf.reshape(x, tf.shape(like)) if on else ops.reshape(x, ops.shape(like))


def products(x: Any, y: Any, transposed: bool = False) -> Any:
    """Products of many matrices, x·y or x·yᵀ, whose other axes are the same.

    Keras's go by an operation for axes that may differ, whose gradients are summed
    over those that do: thirty operations more, where a graph does not know lengths.
    """
    if on_tensorflow():
        return tf.raw_ops.BatchMatMul(x=x, y=y, adj_y=transposed)
    return ops.matmul(x, ops.swapaxes(y, -1, -2) if transposed else y)


def stacked(parts: list[Any], axis: int) -> Any:
    """Arrays along a new axis. `ops.stack` on TensorFlow takes no Keras variables."""
    if on_tensorflow():
        parts = [tf.convert_to_tensor(part) for part in parts]
    return ops.stack(parts, axis)


def jit_compile(asked: bool | str) -> bool | str:
    """Whether to compile by XLA, where "auto" was asked.

    Not on TensorFlow: every new shape would be compiled anew, and buckets have many
    shapes. On JAX it is the same, but what is not compiled runs operation by operation.
    """
    return False if asked == "auto" and on_tensorflow() else asked


def as_numpy(variable: Any) -> Any:
    """The value of a Keras variable, also of one that replicas read as their sum.

    NumPy cannot read those in the scope of a strategy, where `fit` may be called.
    """
    value = variable.value
    if on_tensorflow():
        value = tf.convert_to_tensor(value)
    return ops.convert_to_numpy(value)


def forget_trace(model: Any) -> None:
    """Have JAX compile the next training step anew.

    It reads variables that neither the model nor the optimiser owns (a schedule's)
    while it compiles, and never again: the second fit would keep the first one's
    rates, past their end, and learn nothing.
    """
    if keras.backend.backend() == "jax":
        renew_step(model)


def make_deterministic(seed: int) -> None:
    """Have operations give the same bits every time, and seed all generators.

    Raises:
        RuntimeError: another backend than TensorFlow.
    """
    keras.utils.set_random_seed(seed)
    if not on_tensorflow():
        raise RuntimeError("deterministic operations need the TensorFlow backend")
    tf.config.experimental.enable_op_determinism()


def renew_step(model: Any) -> None:
    """Have a model's training step traced anew, with what it has now.

    A penalty that is attached to a traced model changes its losses, but no training.
    """
    model.train_function = None


def widest_float() -> str:
    """The dtype for sums that are subtracted: float64, or float32 where JAX has it not.

    JAX truncates float64 with a warning at every use, unless configured otherwise.
    """
    if keras.backend.backend() != "jax":
        return "float64"
    import jax

    return "float64" if jax.config.jax_enable_x64 else "float32"


def replicas() -> int:
    """How many replicas compute each step together."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def of_replica(key: Any) -> Any:
    """A random key, made another on each replica: Keras's seeds are the same on all.

    The same masks on other examples are less noise than asked for.
    """
    if not on_tensorflow():
        return key
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return key
    number = tf.cast(context.replica_id_in_sync_group, key.dtype)
    return key + tf.stack([number, tf.zeros_like(number)])


def next_key(seeds: keras.random.SeedGenerator) -> Any:
    """The next random key of a layer's seeds, another on each replica.

    Keras's own `next`, which copies the state and reads it again: three operations
    more for each dropout, and they are traced for longer than they run.
    """
    if not on_tensorflow():
        return seeds.next()
    key = tf.convert_to_tensor(seeds.state.value)
    seeds.state.assign(key + tf.constant([0, 1], key.dtype))
    return of_replica(key)


class ReplicaSeeds(keras.random.SeedGenerator):
    """Keras's seeds, others on each replica."""

    def next(self, ordered: bool = True) -> Any:
        return of_replica(super().next(ordered))


def own_part(variable: tf.Variable) -> tf.Variable:
    """What one replica has of a variable: itself, where there is no strategy."""
    return tf.distribute.get_strategy().experimental_local_results(variable)[0]


def global_sum(value: Any) -> Any:
    """The sum of a value over all replicas; the value itself where there is one."""
    if not on_tensorflow():
        return value
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return value
    return context.all_reduce(tf.distribute.ReduceOp.SUM, value)
