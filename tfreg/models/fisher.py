"""How much the answers of a model hang on each of its weights."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tfreg import _compat
from tfreg.models.feeding import whole_batch


def estimate_fisher(
    model: Any, x: Any, y: Any = None, *, examples: int = 256, seed: int = 0
) -> dict[str, np.ndarray]:
    """The diagonal of the empirical Fisher information of a model's encoder.

    F_i = 1/N·Σ_n (∂L_n/∂w_i)², L_n the loss of example n with dropout off and without
    penalties.

    Args:
        model: a compiled tfreg model.
        x, y: labelled data, in the forms that `fit` takes.
        examples: at most so many, chosen at random, are looked at one by one.
        seed: of the choice.

    Returns:
        {path: array} for the encoder's weights that train.
    """
    inputs, targets, _ = whole_batch(model, x if y is None else (x, y))
    chosen = np.random.default_rng(seed).permutation(len(targets))[:examples]
    variables = model.backbone.trainable_variables

    def squares(row: Any, target: Any) -> list[Any]:
        def loss() -> Any:
            return _compat.data_loss(model, target, model(row, training=False), None)

        _, gradients = _compat.value_and_gradients(loss, variables)
        return [ops.square(ops.cast(gradient, "float32")) for gradient in gradients]

    squares = _compat.traced(squares)
    sums = [np.zeros(variable.shape, "float64") for variable in variables]
    for place in chosen:
        rows = keras.tree.map_structure(
            lambda array: ops.convert_to_tensor(array[place : place + 1]),
            (inputs, targets),
        )
        for total, more in zip(sums, squares(*rows)):
            total += ops.convert_to_numpy(more)
    return {v.path: total / len(chosen) for v, total in zip(variables, sums)}
