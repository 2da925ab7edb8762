"""Words weigh alike in training, however many others are in their batch."""

from __future__ import annotations

from typing import Any

from keras import ops

from tfreg import _compat
from tfreg.models.feeding import Feed
from tfreg.objectives.mean_over_real import MeanOverReal


def see_words(model: Any, data: Feed) -> None:
    """Take from training data how many words a row has, w̄, where it can be known.

    Batches of rows of like length have very different numbers of words. Were the loss
    of each the mean over its own n, the few words of a batch of headlines would weigh
    as much as the many of a batch of long sentences. Over B rows it is 1/(B·w̄)·Σ_i L_i
    instead, whose mean over all batches is that over the words of the data.

    Where it is not known (ids, data sets of one's own), the mean is over each batch's
    own words. So it is over texts, of which batches have the same number anyway.
    """
    words, batches = None, data.batches
    ours = model.task == "tag" and isinstance(model.loss, MeanOverReal)
    if ours and batches is not None:
        targets = batches.encoded.targets
        words = sum(int((row >= 0).sum()) for row in targets) / len(targets) or None
    if words != model.words_a_row:
        model.words_a_row = words
        _compat.renew_step(model)  # a step has the number in it


def training_count(model: Any, y: Any) -> Any:
    """What the training loss of a batch is a sum over, divided by: n, or B·w̄."""
    if model.words_a_row is None:
        return model.loss.count(y)
    rows = ops.cast(ops.shape(y)[0], "float32")
    return _compat.global_sum(rows) * model.words_a_row


def fullness(model: Any, y: Any) -> Any:
    """A batch's words by those of a usual one, n/(B·w̄); 1 where that is not known."""
    if model.words_a_row is None:
        return 1.0
    return model.loss.count(y) / training_count(model, y)


def weighed_alike(model: Any, y: Any, sample_weight: Any) -> Any:
    """Sample weights with which the mean over a batch's words is that of all words."""
    if model.words_a_row is None:
        return sample_weight
    full = fullness(model, y)
    if sample_weight is None:
        return ops.ones(ops.shape(y)[:1], "float32") * full
    return ops.cast(sample_weight, "float32") * full
