"""How much the answers of a model hang on each of its weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from tfreg import _compat
from tfreg._checks import InputError, check_integer
from tfreg.models.feeding import whole_batch
from tfreg.objectives.mean_over_real import MeanOverReal


def estimate_fisher(
    model: Any, x: Any, y: Any = None, *, examples: int = 256, seed: int = 0
) -> dict[str, np.ndarray]:
    """The diagonal of the empirical Fisher information of a model's encoder.

    F_i = 1/N·Σ_n (∂L_n/∂w_i)², L_n the summed loss of example n (a text, or all words
    of a sentence) with dropout off, without penalties and label smoothing: for a
    classifier or tagger −log p(y_n|x_n), for a regressor the squared error. A model
    whose penalty needs it (`FisherL2SP`) keeps it.

    Args:
        model: a compiled tfreg model.
        x, y: labelled data, in the forms that `fit` takes; of a data set, its first
            batch.
        examples: at most so many, chosen at random, are looked at one by one; at
            least 1, defaults to 256.
        seed: of the choice.

    Returns:
        {path: array} for the encoder's weights that train.

    Raises:
        InputError: data without targets, or no examples.

    Example:
        >>> fisher = estimate_fisher(model, ["a good text"], ["good"])
        >>> all((values >= 0).all() for values in fisher.values())
        True

    Kirkpatrick et al. (2017), section 2; Martens (2020), section 11, on what the
    empirical one is and is not.
    """
    check_integer("examples", examples, low=1)

    def draw(rows: int) -> np.ndarray:
        return np.random.default_rng(seed).permutation(rows)[:examples]

    inputs, targets, _ = whole_batch(model, x if y is None else (x, y), draw)
    if targets is None:
        raise InputError("`x` must be labelled: there is no loss without targets")
    # Of texts those that were drawn are all that is there.
    chosen = draw(len(targets)) if len(targets) > examples else range(len(targets))
    variables = model.backbone.trainable_variables
    loss_of, counts = _data_loss(model), isinstance(model.loss, MeanOverReal)

    def squares(row: Any, target: Any) -> list[Any]:
        def loss() -> Any:
            mean = loss_of(target, model(row, training=False))
            return mean * (model.loss.count(target) if counts else 1.0)

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
    fisher = {
        variable.path: (total / len(chosen)).astype("float32")
        for variable, total in zip(variables, sums)
    }
    model.anchors.set_fisher(fisher)
    return fisher


def _data_loss(model: Any) -> Callable[[Any, Any], Any]:
    """The loss of targets and predictions that a model trains with, unsmoothed."""
    if getattr(model.loss, "label_smoothing", 0):
        config = {**model.loss.get_config(), "label_smoothing": 0.0}
        return type(model.loss).from_config(config)
    return lambda y, y_pred: _compat.data_loss(model, y, y_pred, None)
