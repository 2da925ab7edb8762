"""What a fit does for callbacks that change strengths of penalties."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain, islice
from typing import Any

import numpy as np

from tfreg._checks import InputError
from tfreg.callbacks import AdaptiveStrength, StrengthSchedule
from tfreg.data.encoded import Encoded
from tfreg.data.inputs import as_examples
from tfreg.data.pipelines import is_dataset
from tfreg.data.splits import cut_rows
from tfreg.models import feeding
from tfreg.models.strengths import learned_strengths, scheduled_strengths


def hold_out(
    model: Any,
    callbacks: list[Any],
    x: Any,
    y: Any,
    weights: dict[str, Any],
    batch_size: int | None,
) -> tuple[Any, Any, dict[str, Any], feeding.Feed | None]:
    """Training data without what a callback has held out, and that.

    Args:
        model: a compiled task model.
        callbacks: of the fit.
        x, y: training data, as for `fit`.
        weights: its ``sample_weight`` and ``class_weight``.
        batch_size: as for `fit`.

    Returns:
        x, y and weights to train on, and what is held out, if anything is.

    Raises:
        InputError: two such callbacks, or one whose examples cannot be had.
    """
    found = _of_kind(callbacks, AdaptiveStrength)
    if not found:
        return x, y, weights, None
    adaptive = found[0]
    adaptive.check(model)
    if not isinstance(adaptive.held_out, float):
        if adaptive.held_out is x:
            raise InputError("`held_out` must be other examples than those trained on")
        return x, y, weights, _held(model, adaptive.held_out, batch_size)
    if y is None and isinstance(x, Encoded):
        encoded = x
    else:
        examples = None
        if not is_dataset(x) and model.preprocessor is not None:
            examples = as_examples(x, y, model.task)
        if examples is None:
            raise InputError(
                "`held_out`: a share can be held out of texts and Examples, not of ids "
                "or a tf.data.Dataset; give held-out examples of their own"
            )
        encoded = feeding.encode(model, examples, **weights)
        weights = {}
    kept, cut = _cut(model, encoded, adaptive.held_out)
    return kept, None, weights, _held(model, cut, batch_size)


def begin_strengths(
    model: Any,
    callbacks: list[Any],
    held: feeding.Feed | None,
    steps: int,
    epochs: int,
) -> None:
    """Make those callbacks ready, before the first step is traced.

    Schedules go to the front: what is learned looks at the strengths of a step.

    Raises:
        InputError: the model or its optimiser is not one for them; two schedules of
            one strength.
    """
    callbacks.sort(key=lambda callback: not isinstance(callback, StrengthSchedule))
    for adaptive in _of_kind(callbacks, AdaptiveStrength):
        assert held is not None
        strengths = learned_strengths(model, adaptive.per, adaptive.penalties)
        adaptive.begin(model, strengths, partial(_endless, model, held))
    scheduled: set[str] = set()
    for schedule in _of_kind(callbacks, StrengthSchedule):
        schedule.check(model)
        strengths = scheduled_strengths(model, schedule.penalties)
        names = {strength.name for strength in strengths}
        if twice := scheduled & names:
            raise InputError(
                f"`callbacks`: two StrengthSchedules set {min(twice)!r}; give each "
                "`penalties` of its own"
            )
        scheduled |= names
        schedule.begin(strengths, steps, epochs)


def _of_kind(callbacks: list[Any], cls: type) -> list[Any]:
    found = [callback for callback in callbacks if isinstance(callback, cls)]
    if len(found) > 1 and cls is AdaptiveStrength:
        raise InputError("`callbacks`: one AdaptiveStrength at most; got several")
    return found


def _held(model: Any, data: Any, batch_size: int | None) -> feeding.Feed:
    """Held-out data, in whatever form, in an order that is shuffled anew each pass."""
    x, y, weight = feeding.unpack(data)
    found = feeding.feed(model, x, y, sample_weight=weight, batch_size=batch_size)
    if found.batches is not None:
        encoded = found.batches.encoded
        if encoded.targets is None or not len(encoded):
            raise InputError("`held_out` must be labelled examples, at least one")
        found.batches.seed = model.recipe.seed_of("held_out")
    return found


def _endless(model: Any, held: feeding.Feed, drawn: int) -> Iterator[Any]:
    """Batches of held-out data, again and again, less the first so many."""
    batches = _passes(model, held, drawn)
    first = next(batches, None)
    if first is None or len(first) < 2:
        raise InputError("`held_out` must be labelled examples, at least one")
    return chain([first], batches)


def _passes(model: Any, held: feeding.Feed, drawn: int) -> Iterator[Any]:
    if held.batches is None:
        endless = held.given["x"].map(model.preprocess_samples).repeat()
        yield from endless.skip(drawn)
        return
    if not len(held.batches):
        return
    held.batches.epoch, first = divmod(drawn, len(held.batches))
    while True:
        yield from islice(held.batches.dataset(), first, None)
        held.batches.epoch, first = held.batches.epoch + 1, 0


def _cut(model: Any, encoded: Encoded, share: float) -> tuple[Encoded, Encoded]:
    """The examples that are trained on, and those held out, by the recipe's seed."""
    source = encoded.source
    labels = getattr(source, "targets", None) if model.task == "classify" else None
    groups = labels or np.zeros(encoded.examples, int).tolist()
    kept, cut = cut_rows(groups, share, model.recipe.seed_of("held_out"))
    if not kept or not cut:
        raise InputError(
            f"`held_out`: {share:g} of {encoded.examples} examples leaves nothing to "
            "train on or to hold out"
        )
    return encoded.take(kept), encoded.take(cut)
