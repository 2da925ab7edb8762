"""One update of the weights from a batch that is computed in parts."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfreg import _compat
from tfreg._checks import InputError
from tfreg.models.alike import training_count
from tfreg.objectives.mean_over_real import MeanOverReal


def accumulated_step(model: Any, data: Any, parts: int) -> dict[str, Any]:
    """A training step whose batch goes through the model in parts, one at a time.

    The mean over the real targets of a part is not the mean over those of the batch.
    Each part's loss L_p therefore counts by its share of what the batch's is divided by
    (`training_count`), L = Σ_p n_p/n·L_p, which makes the gradient that of the whole
    batch, and, as the shares sum to 1, takes penalties once. The update sees nothing of
    the parts: clipping, decay, the schedule and loss scaling are those of one step, and
    no state outlives it.

    Args:
        model: a compiled task model.
        data: a batch, as Keras hands it to `train_step`.
        parts: how many parts of equal size, but for the last; at least 1.

    Returns:
        The training scores so far, as Keras's `train_step`.
    """
    whole = keras.utils.unpack_x_y_sample_weight(data)
    y = whole[1]
    rows = ops.shape(y)[0]
    size = (rows + parts - 1) // parts
    total = training_count(model, y)

    def part(number: Any) -> tuple[Any, Any]:
        """The part's share of the loss, as it is and as the optimiser scales it."""
        begin = number * size
        x, y, sample_weight = keras.tree.map_structure(
            lambda values: None if values is None else values[begin : begin + size],
            whole,
        )
        y_pred = model(x, training=True)
        loss = model.compute_loss(x, y, y_pred, sample_weight, training=True)
        model.compute_metrics(x, y, y_pred, sample_weight)
        share = training_count(model, y) / ops.maximum(total, 1.0)
        # Where nothing counts there are penalties still.
        of_rows = ops.shape(y)[0] / ops.maximum(rows, 1)
        loss = loss * ops.where(total > 0, share, ops.cast(of_rows, "float32"))
        return loss, model.optimizer.scale_loss(loss)

    variables = model.trainable_weights
    # XLA wants shapes it knows, and a sum over replicas cannot stand inside a loop.
    unroll = model.jit_compile or _compat.replicas() > 1
    turns = parts if unroll else (rows + size - 1) // ops.maximum(size, 1)
    loss, gradients = _compat.gradients_in_turn(part, turns, variables, unroll)
    model.optimizer.apply_gradients(zip(gradients, variables))
    _compat.track_loss(model, loss, rows)
    return model.get_metrics_result()


def check_accumulation(model: Any) -> None:
    """Refuse to compile what would not be accumulated, or not exactly.

    Raises:
        InputError: Keras's own accumulation; with the recipe's, another backend than
            TensorFlow, or a loss that does not say what it is the mean over.
    """
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if getattr(optimizer, "gradient_accumulation_steps", None):
        raise InputError(
            "`compile(optimizer=...)`: Keras's `gradient_accumulation_steps` weighs "
            "every batch alike, however few words or texts are in it; write "
            f"`build_{model.builder}(preset, ..., gradient_accumulation_steps=...)`"
        )
    if model.recipe.gradient_accumulation_steps == 1:
        return
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            "`gradient_accumulation_steps` needs Keras's TensorFlow backend; this is "
            f"{keras.backend.backend()!r}"
        )
    if not isinstance(model.loss, MeanOverReal):
        raise InputError(
            "`gradient_accumulation_steps` needs a loss that says over how many "
            f"targets it is a mean, as those of tfreg.objectives; got {model.loss!r}"
        )
