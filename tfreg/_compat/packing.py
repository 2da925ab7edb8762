"""Predictions that keep a model's kernels packed, for as long as it has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import tensorflow as tf

from tfreg._compat.fused_products import has_amx, packing
from tfreg._compat.norms import only_forward
from tfreg._compat.rounding import RoundedBatch

_WORTH = 20_000
"""Pieces of a prediction that make up for packing anew: 0.3 s, of BERT-base 0.6."""


@dataclass
class Packed:
    """What a model predicted with last.

    Args:
        traced_for: the model's function that ``step`` does without, and its inputs.
        step: takes a batch and kernels; traced once.
        kernels: as they were; none after `unpack`.
        predict: takes a batch, and has those kernels, packed.
    """

    traced_for: tuple[Any, Any]
    step: Any
    kernels: list[Any]
    predict: Any


def packed_prediction(
    model: Any, x: Any, inputs: Any, kernels: list[Any], pieces: int
) -> Callable[[Any], Any] | None:
    """A function that predicts batches by packed kernels; None: it does not pay.

    It pays the first time, when something must be traced anyway; then while kernels are
    the same; then, for many pieces, with others.

    Args:
        model: a model, whose prediction function is made.
        x: a batch, of tensors.
        inputs: its specification, and that of others.
        kernels: of `round_kernels`.
        pieces: how many are to be predicted.
    """
    if not (kernels and kernels[0].dtype == tf.bfloat16 and has_amx()):
        return None
    traced_for, last = (model.predict_function, inputs), model.packed
    if last is None or last.traced_for != traced_for:
        step = _traced(model, inputs, kernels)
    elif last.kernels and _are_same(last.kernels, kernels):
        return last.predict
    elif pieces < _WORTH:
        return None
    else:
        step = last.step
    # A graph of its own: its operations pack what they are given first.
    anew = tf.function(lambda x: step(x, kernels), autograph=False)
    predict = anew.get_concrete_function(inputs)
    predict(x)  # threads would each pack them
    model.packed = Packed(traced_for, step, kernels, predict)
    return predict


def unpack(model: Any) -> None:
    """Let go of a model's packed kernels, which are about to change."""
    if model.packed is not None:
        model.packed = replace(model.packed, kernels=[], predict=None)


def _traced(model: Any, inputs: Any, kernels: list[Any]) -> Any:
    strategy = model.distribute_strategy

    @tf.function(autograph=False)
    def step(x: Any, kernels: list[Any]) -> Any:
        given = RoundedBatch(x, kernels)
        found = strategy.run(model.predict_step, (given,))
        return strategy.experimental_local_results(found)[0]

    specs = [tf.TensorSpec(kernel.shape, kernel.dtype) for kernel in kernels]
    with only_forward(), packing():
        return step.get_concrete_function(inputs, specs)


def _are_same(first: list[Any], second: list[Any]) -> bool:
    """Whether kernels are the same, bit by bit; NaN is no other NaN."""
    pairs = zip(first, second, strict=True)
    return all(bool(tf.reduce_all(tf.equal(a, b))) for a, b in pairs)
