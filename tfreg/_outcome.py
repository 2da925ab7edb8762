"""What a model says of labelled examples, beside the truth, and its scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a model says about one split, beside the truth.

    Args:
        task: ``"classify"``, ``"multilabel"``, ``"regress"`` or ``"tag"``.
        targets: the truth, as in `Examples.targets`.
        outputs: logits of shape (rows, classes), predictions of shape (rows, 1), or
            for each sentence logits of shape (words, tags).
        labels: names in id order, none for regression.
    """

    task: str
    targets: tuple[Any, ...]
    outputs: Any
    labels: tuple[str, ...]

    def scores(self) -> dict[str, float]:
        """The scores of the task, by name."""
        from tfreg import metrics

        if self.task == "regress":
            return metrics.regression_scores(self.targets, self.outputs)
        by_task = {
            "classify": metrics.classification_scores,
            "multilabel": metrics.multilabel_scores,
            "tag": metrics.tagging_scores,
        }
        return by_task[self.task](self.targets, self.outputs, self.labels)

    def report(self) -> str:
        """Precision, recall and F1 of each class (or span type), as a table."""
        from tfreg.metrics import classification_report

        return classification_report(self.task, self.targets, self.outputs, self.labels)
