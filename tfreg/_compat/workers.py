"""Several replicas and several workers: what Keras and TensorFlow leave undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

import keras
import tensorflow as tf

from tfreg._compat.backends import on_processors, on_tensorflow


class OnWorkers:
    """Mends Keras's trainer for several replicas, as a base before it.

    Keras builds a model by the mean of a batch over all replicas, whose shapes differ
    where rows do not divide evenly, or workers pad; and with several workers it reduces
    a step's logs along a first axis that they do not have (keras-team/keras issue
    20585).
    """

    def _maybe_symbolic_build(
        self, iterator: Any = None, data_batch: Any = None
    ) -> Any:
        build: Any = getattr(super(), "_maybe_symbolic_build")
        with _first_replica_for_mean(strategy_of(self)):
            return build(iterator=iterator, data_batch=data_batch)

    def _make_function(self, step: Callable[[Any], Any], **how: Any) -> Any:
        make: Any = getattr(super(), "_make_function")
        if not several_workers(self) or _reduces_scalars(self):
            return make(step, **how)

        def with_an_axis(data: Any) -> Any:
            return keras.tree.map_structure(
                lambda log: tf.expand_dims(log, 0), step(data)
            )

        return make(with_an_axis, **how)


@contextmanager
def _first_replica_for_mean(strategy: Any) -> Iterator[None]:
    """Have a strategy take the first replica's values for their mean over replicas.

    Where Keras does not ask for a mean any more, this does nothing.
    """
    if getattr(strategy, "num_replicas_in_sync", 1) == 1:
        yield
        return

    def first(_: Any, values: Any, axis: Any) -> Any:
        del axis
        return keras.tree.map_structure(
            lambda value: strategy.experimental_local_results(value)[0], values
        )

    strategy.reduce = first
    try:
        yield
    finally:
        del strategy.reduce


def _reduces_scalars(model: Any) -> bool:
    """Whether Keras reduces a step's logs as they are, so that nothing is to mend."""
    from keras.src.backend.tensorflow import trainer  # not on another backend

    strategy = model.distribute_strategy

    @tf.function
    def reduced() -> Any:
        told = strategy.run(lambda: tf.zeros(()))
        return trainer.reduce_per_replica(told, strategy, "mean")

    try:
        reduced()
    except ValueError:
        return False
    return True


# What collectives raise where another worker is gone.
WORKER_ERRORS = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)


def scope_of(model: Any) -> AbstractContextManager[Any]:
    """The scope of the strategy that a model was built under."""
    strategy = strategy_of(model)
    return nullcontext() if strategy is None else strategy.scope()


def misfit(model: Any) -> str | None:
    """Why a model cannot be trained where it is; None: it can."""
    if not on_tensorflow():
        return None
    if keras.distribution.distribution() is not None:
        return (
            "`keras.distribution` does nothing on TensorFlow; "
            "use `tfreg.distribute.strategy`"
        )
    if not tf.distribute.has_strategy():
        return None
    strategy = tf.distribute.get_strategy()
    if isinstance(strategy, tf.distribute.ParameterServerStrategy):
        return (
            "Keras 3 does not train under ParameterServerStrategy; "
            "use 'multiworker' of `tfreg.distribute.strategy`"
        )
    if model is not None and model._distribute_strategy is not strategy:
        return "the model was built outside the scope of the strategy; build it inside"
    return None


def unsearchable(strategy: Any) -> str | None:
    """Why fits one after another cannot run under a strategy; None: they can.

    Between them Keras's session is cleared, and with it TensorFlow's stack of scopes.
    """
    if not on_tensorflow():
        return None if strategy is None else "strategies are TensorFlow's"
    if tf.distribute.has_strategy():
        return "a search opens its strategy's scope itself: say `strategy=`"
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return (
            "a search does not share a trial among hosts; its trials are shared by "
            "KerasTuner's chief and workers"
        )
    if strategy is None or isinstance(strategy, tf.distribute.Strategy):
        return None
    return f"`strategy` must be a tf.distribute.Strategy; got {strategy!r}"


def compiles_steps(model: Any) -> bool:
    """Whether a new shape costs a compiled step: JAX, a TPU, XLA that was asked for."""
    if not on_tensorflow() or model.jit_compile is True:
        return True
    return isinstance(strategy_of(model), tf.distribute.TPUStrategy)


def takes_any_shape(model: Any) -> bool:
    """Whether one processor runs a step, whose shapes may then follow from its data."""
    one = getattr(strategy_of(model), "num_replicas_in_sync", 1) == 1
    return one and on_processors() and not compiles_steps(model)


def several_workers(model: Any = None) -> bool:
    """Whether replicas are in several processes: a model's, or those of this scope."""
    strategy = strategy_of(model)
    return (
        isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        and strategy.extended._in_multi_worker_mode()
    )


def is_chief(model: Any = None) -> bool:
    """Whether this process is the one, of those that fit together, that writes."""
    return not several_workers(model) or strategy_of(model).extended._is_chief


def strategy_of(model: Any) -> Any:
    """The strategy of a model, or of this scope; None on JAX."""
    if model is None:
        return tf.distribute.get_strategy()
    return getattr(model, "distribute_strategy", None)


def said_by_chief(model: Any, value: float) -> float:
    """The chief's number, in all workers; in a process of its own just the number."""
    if not several_workers(model):
        return value
    strategy = model.distribute_strategy
    each = strategy.num_replicas_in_sync // strategy.extended._num_workers
    number = tf.constant(value if is_chief(model) else 0.0, tf.float64)
    return float(_summed(strategy)(number)) / each


@cache
def _summed(strategy: Any) -> Any:
    """Sums numbers over replicas, in a graph: TensorFlow warns where it is none."""

    @tf.function
    def summed(number: Any) -> Any:
        return strategy.reduce("SUM", strategy.run(tf.identity, (number,)), axis=None)

    return summed
