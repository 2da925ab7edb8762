"""Predictions that keep a model's kernels packed, for as long as it has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import tensorflow as tf

from tfreg._compat.fused_products import has_amx, packing
from tfreg._compat.norms import only_forward
from tfreg._compat.rounding import RoundedBatch


@dataclass
class Packed:
    """What a model predicts with.

    Args:
        traced_for: the model's function that ``step`` does without, and what it takes.
        step: takes a batch and kernels; traced once.
        kernels: as they were; none after `unpack`.
        function: takes a batch and those kernels, which it has packed.
    """

    traced_for: tuple[Any, Any, Any]
    step: Any
    kernels: list[Any]
    function: Any


def packed_prediction(
    model: Any, x: Any, inputs: Any, kernels: list[Any]
) -> Callable[[Any], Any] | None:
    """A function that predicts batches by packed kernels; None where none are packed.

    It is made anew where kernels have changed, be it for one text: a product of large
    kernels has other last bits if they are packed, and those of an answer are not to
    depend on what came before.

    Args:
        model: a model, whose prediction function is made.
        x: a batch, of tensors.
        inputs: its specification, and that of others.
        kernels: of `round_kernels`.
    """
    half = kernels and kernels[0].dtype == tf.bfloat16
    strategy = model.distribute_strategy
    # Of one device too it runs what it is given in a thread of its own.
    mirrored = isinstance(strategy, tf.distribute.MirroredStrategy)
    if not half or mirrored or not has_amx():
        return None
    specs = [tf.TensorSpec(kernel.shape, kernel.dtype) for kernel in kernels]
    traced_for, last = (model.predict_function, inputs, specs), model.packed
    if last is None or last.traced_for != traced_for:
        step = _traced(model, inputs, specs)
    elif last.kernels and _are_same(last.kernels, kernels):
        return partial(last.function, kernels=last.kernels)
    else:
        step = last.step
    unpack(model)
    # A graph of its own: its operations pack what they are given first.
    anew = tf.function(lambda x, kernels: step(x, kernels), autograph=False)
    function = anew.get_concrete_function(inputs, specs)
    function(x, kernels)  # threads would each pack them
    model.packed = Packed(traced_for, step, kernels, function)
    return partial(function, kernels=kernels)


def unpack(model: Any) -> None:
    """Let go of a model's packed kernels, which are about to change or not needed."""
    if model.packed is not None:
        model.packed = replace(model.packed, kernels=[], function=None)


def _traced(model: Any, inputs: Any, specs: list[Any]) -> Any:
    strategy = model.distribute_strategy

    @tf.function(autograph=False)
    def step(x: Any, kernels: list[Any]) -> Any:
        given = RoundedBatch(x, kernels)
        found = strategy.run(model.predict_step, (given,))
        return strategy.experimental_local_results(found)[0]

    with only_forward(), packing():
        return step.get_concrete_function(inputs, specs)


def _are_same(first: list[Any], second: list[Any]) -> bool:
    """Whether kernels have the same values; NaN is no other NaN."""
    pairs = zip(first, second, strict=True)
    return all(bool(tf.reduce_all(tf.equal(a, b))) for a, b in pairs)
