"""F1 of predicted spans, while training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfreg import _compat
from tfreg._checks import check_choice
from tfreg.functional.spans import span_counts, tag_codes
from tfreg.metrics._targets import row_weight


@keras.saving.register_keras_serializable("tfreg")
class SpanF1(keras.metrics.Metric):
    """Micro-averaged F1 = 2·matched / (predicted + true) over the spans of IOB tags.

    Equals seqeval's `f1_score`: ``"strict"`` with `mode="strict", scheme=IOB2`,
    ``"lenient"`` with its defaults, which follow conlleval. Lenient scores some
    invalid sequences 1 that strict scores 0: say which one a number is.

    Args:
        labels: Tag names in id order: ``O``, ``B-type``, ``I-type``.
        mode: ``"strict"`` (a span starts at ``B-`` only) or ``"lenient"``.
        name: Name in logs, default ``span_f1_strict`` or ``span_f1_lenient``.
        dtype: As for every Keras metric; the state is float32 whatever it is.

    Call it with ids of shape (batch, length), below 0 where there is no word (also
    between words), and logits (batch, length, tags). `sample_weight`: one a row, or
    one a word, where a span weighs what its first word weighs.

    Raises:
        InputError: If the labels are not IOB tags, or the mode is another.

    Example:
        >>> score = SpanF1(["O", "B-PER", "I-PER"])
        >>> score.update_state([[1, 2, -1]], [[[0, 1, 0], [0, 0, 1], [0, 1, 0]]])
        >>> float(score.result())
        1.0
    """

    def __init__(
        self,
        labels: Sequence[str],
        mode: str = "strict",
        name: str | None = None,
        dtype: Any = None,
    ):
        self.mode = check_choice("mode", mode, ("strict", "lenient"))
        tag_codes(labels)
        super().__init__(name=name or f"span_f1_{mode}", dtype=dtype)
        self.labels = tuple(labels)
        # Matched, predicted, true.
        self.counts = self.add_variable((3,), "zeros", dtype="float32", name="counts")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch."""
        y_true = ops.convert_to_tensor(y_true)
        counts = span_counts(
            y_true,
            _compat.largest(ops.cast(y_pred, "float32")),
            self.labels,
            lenient=self.mode == "lenient",
            weight=row_weight(sample_weight, y_true),
        )
        self.counts.assign_add(ops.stack(counts))

    def result(self):
        """The score so far, a float32 scalar; 0 without a true and predicted span."""
        matched, predicted, true = ops.unstack(ops.convert_to_tensor(self.counts), 3)
        return ops.divide_no_nan(2 * matched, predicted + true)

    def get_config(self):
        """Constructor arguments."""
        config = {"labels": list(self.labels), "mode": self.mode}
        return {**super().get_config(), **config}
