"""What a fit's batches are padded to, and which positions of them are left out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from keras import ops

from tfreg import _compat
from tfreg.adapt.last_block import answering_at, spared_weights
from tfreg.adapt.real_pieces import on_real_pieces, serves_real_pieces
from tfreg.data.ladder import Rooms
from tfreg.functional.real_rows import real_rows
from tfreg.models.feeding import Feed


def fit_ladder(model: Any, data: Feed, epochs: int) -> None:
    """Fit the lengths of a fit's batches to them, and the rooms of what is computed.

    Data that does not come as our batches is computed with all its padding.

    Args:
        model: a task model.
        data: the training data, with the features of what is frozen.
        epochs: of the fit.
    """
    batches = data.batches
    rooms = Rooms()
    if batches is not None:
        runs = model.backbone if batches.features is None else model.halves.upper
        # Blocks of a backbone of one's own may stand beside what reads padding.
        known = type(model.backbone).__module__.startswith("keras_hub.")
        blocks = known and serves_real_pieces(runs)
        encoder: dict[str, Any] = {"whole_step": _compat.compiles_steps(model)}
        leave_out, last = False, 0
        if blocks and _compat.on_processors():  # where costs were measured
            # Of what is frozen too: kept features change no shape, so no dropout mask.
            encoder["weights"] = _kernels(model.backbone.weights)
            whole = model.recipe.gradient_accumulation_steps == 1  # parts are less full
            leave_out = whole and _compat.takes_any_shape(model)
            if leave_out and model.reads_words:
                last = _kernels(spared_weights(model.backbone))
        batches.ladder, rooms = batches.fitted(
            epochs, leave_out=leave_out, last=last, **encoder
        )
    set_rooms(model, rooms)


def set_rooms(model: Any, rooms: Rooms) -> None:
    """How many positions a batch may have left in training; `Rooms()`: all."""
    if [*map(bool, rooms)] != [*map(bool, model.rooms)]:
        _compat.renew_step(model)  # it has the ones and not the others in it
    model.rooms = rooms
    if any(rooms):
        model.room_numbers = model.room_numbers or [_compat.Numbers() for _ in rooms]
        for numbers, each in zip(model.room_numbers, rooms):
            if each:
                numbers.set(each)


@contextmanager
def leaving_out(model: Any, inputs: Any, training: Any) -> Iterator[None]:
    """Inside, a pass computes less of the padding and of what is not read.

    In training what its fit said; in evaluations and predictions of texts, on
    processors, all that is not read.
    """
    told = isinstance(inputs, Mapping) and _compat.outside_xla()
    with ExitStack() as stack:
        if told and training and model.rooms.pieces:
            real = real_rows(inputs["padding_mask"], model.room_numbers[0].read())
            stack.enter_context(on_real_pieces(model.backbone, real))
        words = model.rooms.words if training else _compat.only_predicts()
        if told and words and model.reads_words:
            rooms = model.room_numbers[1].read() if training else None
            read = real_rows(_looked_up(inputs), rooms)
            stack.enter_context(answering_at(model.backbone, read))
        yield


def _looked_up(inputs: Mapping[str, Any]) -> Any:
    """How often `WordGather` reads each position, the start of a row too."""
    places = ops.cast(inputs["word_positions"], "int32")
    batch, length = ops.shape(inputs["padding_mask"])
    starts = ops.expand_dims(ops.arange(batch, dtype="int32") * length, -1)
    # What is before the first position is at the end, as `ops.take` has it.
    found = ops.mod(ops.reshape(places + starts, (-1, 1)), batch * length)
    counts = ops.scatter(found, ops.ones_like(found[:, 0]), (batch * length,))
    return ops.reshape(counts, (batch, length))


def _kernels(weights: Iterable[Any]) -> int:
    """How many weights each piece is multiplied by."""
    kernels = (weight for weight in weights if weight.path.endswith("kernel"))
    return sum(math.prod(kernel.shape) for kernel in kernels)
