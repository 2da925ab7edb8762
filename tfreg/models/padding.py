"""What a fit's batches are padded to, and where their padding is left out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from tfreg import _compat
from tfreg.adapt.real_pieces import on_real_pieces, serves_real_pieces
from tfreg.functional.real_rows import real_rows
from tfreg.models.feeding import Feed


def fit_ladder(model: Any, data: Feed, epochs: int) -> None:
    """Fit the lengths of a fit's batches to them, and the rooms of their real pieces.

    Data that does not come as our batches is computed with all its padding.

    Args:
        model: a task model.
        data: the training data, with the features of what is frozen.
        epochs: of the fit.
    """
    batches = data.batches
    rooms: tuple[int, ...] = ()
    if batches is not None:
        runs = model.backbone if batches.features is None else model.halves.upper
        # Blocks of a backbone of one's own may stand beside what reads padding.
        known = type(model.backbone).__module__.startswith("keras_hub.")
        blocks = known and serves_real_pieces(runs)
        encoder: dict[str, Any] = {"whole_step": _compat.compiles_steps(model)}
        if blocks and _compat.on_processors():  # where costs were measured
            # Of what is frozen too: kept features change no shape, so no dropout mask.
            every = model.backbone.weights
            kernels = (v for v in every if v.path.endswith("kernel"))
            encoder["weights"] = sum(math.prod(kernel.shape) for kernel in kernels)
        whole = model.recipe.gradient_accumulation_steps == 1  # parts are less full
        leave_out = blocks and whole and _compat.takes_any_shape(model)
        batches.ladder, rooms = batches.fitted(epochs, leave_out=leave_out, **encoder)
    set_rooms(model, rooms)


def set_rooms(model: Any, rooms: tuple[int, ...]) -> None:
    """How many positions a batch may have left in training; () leaves out nothing."""
    if bool(rooms) != bool(model.rooms):
        _compat.renew_step(model)  # it has the one or the other in it
    model.rooms = rooms
    if rooms:
        model.room_numbers = model.room_numbers or _compat.Numbers()
        model.room_numbers.set(rooms)


def leaving_out_padding(
    model: Any, inputs: Any, training: Any
) -> AbstractContextManager[None]:
    """Inside, a training pass of a batch leaves out padding, if its fit said so."""
    told = training and model.rooms and isinstance(inputs, Mapping)
    if not (told and _compat.outside_xla()):
        return nullcontext()
    real = real_rows(inputs["padding_mask"], model.room_numbers.read())
    return on_real_pieces(model.backbone, real)
