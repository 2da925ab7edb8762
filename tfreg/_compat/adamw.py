"""Keras's AdamW in fewer passes over memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf
from keras import ops

from tfreg._compat.backends import global_sum, on_tensorflow, own_part, replicas
from tfreg._compat.gradients import dense_gradient, sum_rows
from tfreg._compat.graphs import compiled_in_place, outside_xla
from tfreg._compat.row_gradients import RowGradients

# Weights from which on clipping, decay and step are compiled as one pass: each shape is
# compiled once, in 0.04 s.
_LARGE = 100_000


class _Shared(NamedTuple):
    """Numbers of a step that many weights have in common."""

    rate: Any
    size: Any  # the rate, corrected for moments that start at zero
    beta_1: Any
    beta_2: Any
    epsilon: Any
    beta_1_power: Any
    beta_2_power: Any
    one: Any


class _Once:
    """What is made of two things, once.

    A class, for Keras would take a rate in a dict of the optimiser for its own.
    """

    def __init__(self) -> None:
        self.known: dict[Any, Any] = {}

    def __call__(
        self, what: str, of: tuple[Any, Any], make: Callable[[Any, Any], Any]
    ) -> Any:
        key = what, id(of[0]), of[1]  # with a name: to TensorFlow float32 is 1.0
        if key not in self.known:
            self.known[key] = make(*of), of  # kept, so that its `id` stays its own
        return self.known[key][0]


class OnePassAdamW(keras.optimizers.AdamW):
    """Keras's AdamW, same numbers, in fewer passes over memory.

    Keras writes each of a dozen intermediate arrays of every weight to memory; a step
    on a short batch is then mostly the optimiser. Here large weights are clipped,
    decayed and moved in one pass; small ones by TensorFlow's kernel for Adam.
    """

    _clip_scale: Callable[[], Any] | None = None
    # While a step is traced: what its gradients are yet to be multiplied by, and
    # numbers by what they come of. For each weight anew they are a quarter of a graph.
    _scale: Any = None
    _known: _Once | None = None
    _row_gradients: RowGradients | None = None

    def keep_clip_scale(self) -> bool:
        """From the next trace on, know what clipping multiplied a step's gradients by.

        It is read between two steps, and so is not saved.

        Returns:
            Whether it was not kept before, so that another trace is needed.
        """
        if self._clip_scale is not None:
            return False
        scale = keras.Variable(1.0, trainable=False, name="clip_scale")
        # A function: Keras would take the variable for the optimiser's own.
        self._clip_scale = lambda: scale
        return True

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
            if self.clipvalue:
                grads = [dense_gradient(gradient) for gradient in grads]
            return super()._clip_gradients(grads)
        values = [g.values if isinstance(g, tf.IndexedSlices) else g for g in grads]
        halves = [tf.nn.l2_loss(x) for x in values if x is not None]
        halves = [tf.cast(half, tf.float32) for half in halves]
        norm = tf.sqrt(2.0 * tf.add_n(halves))
        # Infinite or missing numbers must not pass for a small scale.
        scale = tf.where(
            tf.math.is_finite(norm),
            self.global_clipnorm / tf.maximum(norm, self.global_clipnorm),
            norm - norm,
        )
        if self._clip_scale is not None:
            self._clip_scale().assign(scale)
        if replicas() > 1:
            return [_scaled(gradient, scale) for gradient in grads]
        self._scale = scale
        return grads

    def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
        grads = [sum_rows(gradient) for gradient in grads]
        self._known = _Once()
        try:
            return super().apply(grads, trainable_variables)
        finally:
            self._scale = self._known = None

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

    def decay(self, variable: Any, rate: Any) -> Any:
        """Decay by a rate that is already times the learning rate.

        Returns:
            What the step multiplies the weight by; None if nothing is left to do.
        """
        return self.once("kept", (rate, None), lambda rate, _: 1 - rate)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        dtype = variable.dtype
        shared = self.once("shared", (learning_rate, dtype), self._shared)
        share = self.decay_rate(variable)
        kept = None
        if share:
            rate = self.once("decay", (shared.rate, share), lambda a, b: a * b)
            kept = self.decay(variable, rate)
        ours = on_tensorflow() and not self.amsgrad
        large = ours and replicas() == 1 and math.prod(variable.shape) >= _LARGE
        few = large and isinstance(gradient, tf.IndexedSlices) and outside_xla()
        if not few:
            gradient = dense_gradient(gradient)
        if kept is not None and not large:
            variable.assign(variable * kept)
        if self._scale is not None and not large:
            gradient = _scaled(gradient, self._scale)
        if not ours:
            return super().update_step(gradient, variable, learning_rate)
        index = self._get_variable_index(variable)
        both = self._momentums[index].value, self._velocities[index].value
        # Variables of a strategy, be it of one device, are not told apart by a traced
        # function: it would move all weights by the moments of the first.
        moments = [own_part(each) for each in both] if large else both
        if few:
            self._row_gradients = self._row_gradients or RowGradients()
            gradient = self._row_gradients.hold(index, variable, gradient)
        else:
            gradient = tf.cast(gradient, dtype)
        if large:
            _whole_step(
                shared.one if self._scale is None else tf.cast(self._scale, dtype),
                shared.one if kept is None else kept,
                shared.size,
                shared.beta_1,
                shared.beta_2,
                shared.epsilon,
                gradient,
                variable,
                *moments,
            )
            return None
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=moments[0].handle,
            v=moments[1].handle,
            beta1_power=shared.beta_1_power,
            beta2_power=shared.beta_2_power,
            lr=shared.rate,
            beta1=shared.beta_1,
            beta2=shared.beta_2,
            epsilon=shared.epsilon,
            grad=gradient,
        )
        return None

    def _shared(self, learning_rate: Any, dtype: str) -> _Shared:
        rate, one, beta_1, beta_2, epsilon = (
            ops.cast(number, dtype)
            for number in (learning_rate, 1, self.beta_1, self.beta_2, self.epsilon)
        )
        step = ops.cast(self.iterations, dtype) + 1
        powers = beta_1**step, beta_2**step
        size = rate * ops.sqrt(1 - powers[1]) / (1 - powers[0])
        return _Shared(rate, size, beta_1, beta_2, epsilon, *powers, one)

    def once(
        self, what: str, of: tuple[Any, Any], make: Callable[[Any, Any], Any]
    ) -> Any:
        """What is made of two things, once in a step; on each replica anew."""
        if self._known is None or replicas() > 1:
            return make(*of)
        return self._known(what, of, make)

    def load_own_variables(self, store: Any) -> None:
        """Take the state that was saved, if there was any: Keras warns where not."""
        untrained = len(store.keys()) <= 2 < len(self.variables)
        if not untrained:
            super().load_own_variables(store)


@compiled_in_place
def _whole_step(
    scale: Any,
    kept: Any,
    size: Any,
    beta_1: Any,
    beta_2: Any,
    epsilon: Any,
    gradient: Any,
    weight: Any,
    first: Any,
    second: Any,
) -> Any:
    """Clip, decay and move one weight; the formulas of TensorFlow's kernel for Adam."""
    gradient = gradient * scale
    m = first + (gradient - first) * (1 - beta_1)
    v = second + (gradient * gradient - second) * (1 - beta_2)
    weight.assign(weight * kept - m * size / (tf.sqrt(v) + epsilon))
    first.assign(m)
    second.assign(v)


def _scaled(gradient: Any, scale: Any) -> Any:
    if isinstance(gradient, tf.IndexedSlices):
        values = gradient.values * scale
        return tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)
    return None if gradient is None else gradient * tf.cast(scale, gradient.dtype)
