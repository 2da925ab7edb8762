"""Words weigh alike in training, however many others are in their batch."""

from __future__ import annotations

from typing import Any

from keras import ops

from tfreg import _compat
from tfreg.data.batches import pad_rows
from tfreg.data.targets import NOT_A_WORD
from tfreg.models.feeding import Feed
from tfreg.objectives.mean_over_real import MeanOverReal

_ROWS = 1024  # counted at once


def see_words(model: Any, data: Feed) -> None:
    """Take from training data how many words a row has, w̄, where it can be known.

    Batches of rows of like length have very different numbers of words. Were the loss
    of each the mean over its own n, the few words of a batch of headlines would weigh
    as much as the many of a batch of long sentences. Over B rows it is 1/(B·w̄)·Σ_i L_i
    instead, whose mean over an epoch's rows is that over the words of the data.

    Where it is not known (ids, data sets of one's own), the mean is over each batch's
    own words. So it is over texts, of which batches have the same number anyway. Words
    are counted before `augment` takes any away.
    """
    words = None
    if model.task == "tag" and data.batches is not None:
        if isinstance(model.loss, MeanOverReal):
            words = _mean_words(model.loss, data.batches.encoded.targets)
    if words != model.words_a_row:
        model.words_a_row = words
        _compat.renew_step(model)  # a step has the number in it


def _mean_words(loss: MeanOverReal, targets: Any) -> float | None:
    """How many targets a row has, of those the loss counts; None for none at all."""
    parts = [targets[begin : begin + _ROWS] for begin in range(0, len(targets), _ROWS)]
    padded = [pad_rows(part, max(map(len, part)), NOT_A_WORD) for part in parts]
    return sum(float(loss.count(part)) for part in padded) / len(targets) or None


def training_count(model: Any, y: Any) -> Any:
    """What a batch's losses are summed up for, and divided by: n, or B·w̄."""
    if model.words_a_row is None:
        return model.loss.count(y)
    rows = ops.cast(ops.shape(y)[0], "float32")
    return _compat.global_sum(rows) * model.words_a_row


def fullness(model: Any, y: Any) -> Any:
    """A batch's words by those of a usual one, n/(B·w̄); 1 where w̄ is not known."""
    if model.words_a_row is None:
        return 1.0
    usual = training_count(model, y)  # 0 in a part of a batch that has no rows
    return model.loss.count(y) / ops.where(usual > 0, usual, 1.0)
