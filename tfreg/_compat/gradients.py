"""Gradients, for code that runs on TensorFlow and on JAX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tfreg._compat.backends import on_tensorflow


def dense_gradient(gradient: Any) -> Any:
    """A gradient as one dense tensor, rows of the same index summed."""
    if on_tensorflow() and isinstance(gradient, tf.IndexedSlices):
        return tf.convert_to_tensor(gradient)
    return gradient


def sum_rows(gradient: Any) -> Any:
    """An embedding's sparse gradient with each row once; any other as it is.

    Keras hands Adam the duplicate rows one by one, and the second moment becomes Σg²
    where it should be (Σg)².
    """
    if not (on_tensorflow() and isinstance(gradient, tf.IndexedSlices)):
        return gradient
    rows, place = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, place, tf.size(rows))
    return tf.IndexedSlices(values, rows, gradient.dense_shape)


def value_and_gradients(function: Any, variables: list[Any]) -> tuple[Any, list[Any]]:
    """What a function of no arguments gives, and its gradients (zeros if none)."""
    if keras.backend.backend() == "jax":
        return _jax_value_and_gradients(function, variables)
    with tf.GradientTape() as tape:
        value = function()
    gradients = tape.gradient(value, [variable.value for variable in variables])
    return value, [
        ops.zeros(variable.shape) if gradient is None else dense_gradient(gradient)
        for gradient, variable in zip(gradients, variables)
    ]


def _jax_value_and_gradients(function: Any, variables: list[Any]) -> tuple[Any, Any]:
    import jax

    def pure(values: list[Any]) -> Any:
        with keras.StatelessScope(state_mapping=zip(variables, values)):
            return function()

    return jax.value_and_grad(pure)([variable.value for variable in variables])


def gradients_in_turn(
    part: Callable[[Any], tuple[Any, Any]],
    parts: Any,
    variables: Sequence[Any],
    unroll: bool,
) -> tuple[Any, list[Any]]:
    """The summed values of some parts, and their summed gradients.

    Parts are computed strictly one after the other, so that only one of them has its
    activations in memory: left alone, TensorFlow would run parts side by side, in an
    unrolled loop all of them, in a plain `while_loop` ten. A variable that no part
    reaches has no gradient (None), as from a tape.

    Args:
        part: gives, for a part's number, its value and what to differentiate.
        parts: how many there are; an integer if unrolled.
        variables: what to differentiate by.
        unroll: whether each part is traced by itself.
    """
    reached: set[int] = set()

    def turn(number: Any, value: Any, sums: list[Any]) -> tuple[Any, Any, list[Any]]:
        with tf.GradientTape() as tape:
            more, scaled = part(number)
        gradients = tape.gradient(scaled, variables)
        reached.update(i for i, g in enumerate(gradients) if g is not None)
        sums = [
            so_far if gradient is None else so_far + dense_gradient(gradient)
            for so_far, gradient in zip(sums, gradients)
        ]
        return number + 1, value + more, sums

    zeros = [tf.zeros(variable.shape, variable.dtype) for variable in variables]
    state = (0, tf.constant(0.0), zeros)
    if unroll:
        for _ in range(parts):
            with tf.control_dependencies(state[2]):
                state = turn(*state)
    else:
        state = tf.while_loop(
            lambda number, *_: number < parts, turn, state, parallel_iterations=1
        )
    _, value, sums = state
    return value, [s if i in reached else None for i, s in enumerate(sums)]


def inner_gradients(
    function: Callable[..., tuple[Any, Any]], tensors: Sequence[Any]
) -> tuple[Any, list[Any]]:
    """A function's value and gradients at some tensors, inside a training step.

    A tape inside the step's own would do in graphs too, but makes TensorFlow prepare
    every compiled function for second derivatives, which nobody asks for.

    Args:
        function: gives its value, and what to differentiate.
        tensors: where. They and the gradients are constant for the step's own tape;
            the value is not.

    Returns:
        The value, and dense float32 gradients (zeros if none).
    """
    tensors = [tf.stop_gradient(x) for x in tensors]
    if tf.executing_eagerly():
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            value, scaled = function(*tensors)
        gradients = tape.gradient(scaled, tensors)
    else:
        value, scaled = function(*tensors)
        gradients = tf.gradients(scaled, tensors)
    return value, [
        tf.zeros_like(x) if g is None else tf.stop_gradient(dense_gradient(g))
        for x, g in zip(tensors, gradients)
    ]
