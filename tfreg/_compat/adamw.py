"""Keras's AdamW in fewer passes over memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tfreg._compat.backends import global_sum, on_tensorflow, replicas
from tfreg._compat.gradients import dense_gradient


class OnePassAdamW(keras.optimizers.AdamW):
    """Keras's AdamW, same numbers, in fewer passes over memory.

    Keras writes each of a dozen intermediate arrays of every weight to memory; a step
    on a short batch is then mostly the optimiser. TensorFlow has a kernel for Adam
    that reads and writes each array once.
    """

    _clip_scale: Callable[[], Any] | None = None

    def keep_clip_scale(self) -> None:
        """From the next trace on, know what clipping multiplied a step's gradients by.

        It is read between two steps, and so is not saved.
        """
        if self._clip_scale is None:
            scale = keras.Variable(1.0, trainable=False, name="clip_scale")
            # A function: Keras would take the variable for the optimiser's own.
            self._clip_scale = lambda: scale

    @property
    def clip_scale(self) -> Any:
        """What the last step's gradients were multiplied by."""
        assert self._clip_scale is not None
        return self._clip_scale().value

    def _clip_gradients(self, grads: list[Any]) -> list[Any]:
        if not on_tensorflow() or self.clipnorm:
            return super()._clip_gradients(grads)
        if self._sums_first:
            grads = [None if g is None else dense_gradient(g) for g in grads]
            there = [gradient for gradient in grads if gradient is not None]
            summed = iter(global_sum(there))
            grads = [None if g is None else next(summed) for g in grads]
        if not self.global_clipnorm:
            return super()._clip_gradients([dense_gradient(g) for g in grads])
        values = [g.values if isinstance(g, tf.IndexedSlices) else g for g in grads]
        squares = [2.0 * tf.nn.l2_loss(x) for x in values if x is not None]
        norm = tf.sqrt(tf.add_n([tf.cast(square, tf.float32) for square in squares]))
        # Infinite or missing numbers must not pass for a small scale.
        scale = tf.where(
            tf.math.is_finite(norm),
            self.global_clipnorm / tf.maximum(norm, self.global_clipnorm),
            norm - norm,
        )
        if self._clip_scale is not None:
            self._clip_scale().assign(scale)
        return [_scaled(gradient, scale) for gradient in grads]

    @property
    def _sums_first(self) -> bool:
        """Whether gradients of replicas are summed before they are clipped, not after.

        Else each replica would clip by the norm of its own part of the batch.
        """
        return on_tensorflow() and replicas() > 1 and not self.clipnorm

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
        if self._sums_first:
            return list(grads_and_vars)
        return super()._all_reduce_sum_gradients(grads_and_vars)

    def _apply_weight_decay(self, variables: list[Any]) -> None:
        """Left to `update_step`, which knows the rate of each variable."""

    def decay_rate(self, variable: Any) -> float:
        """How much of the learning rate a variable's decay has."""
        return self.weight_decay if self._use_weight_decay(variable) else 0.0

    def decay(self, variable: Any, rate: Any) -> None:
        """w ← w·(1 − rate), the rate already times the learning rate."""
        variable.assign(variable * (1 - rate))

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        gradient = dense_gradient(gradient)
        dtype = variable.dtype
        rate = ops.cast(learning_rate, dtype)
        share = self.decay_rate(variable)
        if share:
            self.decay(variable, rate * ops.cast(share, dtype))
        if not on_tensorflow() or self.amsgrad:
            return super().update_step(gradient, variable, learning_rate)
        step = tf.cast(self.iterations, dtype) + 1
        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.cast(self.beta_1, dtype) ** step,
            beta2_power=tf.cast(self.beta_2, dtype) ** step,
            lr=rate,
            beta1=tf.cast(self.beta_1, dtype),
            beta2=tf.cast(self.beta_2, dtype),
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )

    def load_own_variables(self, store: Any) -> None:
        """Take the state that was saved, if there was any: Keras warns where not."""
        untrained = len(store.keys()) <= 2 < len(self.variables)
        if not untrained:
            super().load_own_variables(store)


def _scaled(gradient: Any, scale: Any) -> Any:
    if isinstance(gradient, tf.IndexedSlices):
        values = gradient.values * scale
        return tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)
    return None if gradient is None else gradient * tf.cast(scale, gradient.dtype)
