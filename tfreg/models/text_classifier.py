"""Texts or pairs of texts to one label, or to any number of labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tfreg.data.targets import check_labels
from tfreg.heads import MaskedMax, MaskedMean
from tfreg.metrics.accuracy import CrossEntropy as CrossEntropyScore
from tfreg.metrics.accuracy import MaskedAccuracy
from tfreg.metrics.confusion import MacroF1, MatthewsCorrelation, WeightedF1
from tfreg.models.predictions import Prediction
from tfreg.models.text_task import TextTask
from tfreg.objectives import BinaryCrossEntropy, CrossEntropy


class PooledTask(TextTask):
    """A task that reads one vector a text."""

    def _reads(self, output: Any) -> Any:
        if isinstance(output, dict):
            return output["pooled_output" if self.reads_pooler else "sequence_output"]
        return output

    @property
    def reads_first(self) -> bool:
        first = self.reads_pooler or self.head.text_pooling == "cls"
        return first and self.layer_mix is None

    def _features(
        self, read: Any, inputs: dict[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        pooling = self.head.text_pooling or "mean"
        if len(read.shape) == 2 or pooling == "attention":
            return read, inputs
        if pooling == "cls":
            return read[:, 0], inputs
        pool = MaskedMax if pooling == "max" else MaskedMean
        return pool(name=f"masked_{pooling}")(read, inputs["padding_mask"]), inputs


@keras.saving.register_keras_serializable("tfreg")
class TextClassifier(PooledTask):
    """A label for a text or a pair of texts, from any KerasHub text encoder.

    The pretrained pooler (or, where there is none, the mean over real pieces), then
    dropout, then one Dense layer in float32; other heads are in `tfreg.heads`. Usually
    made by `build_classifier`.

    Args:
        backbone: a KerasHub backbone, which from then on belongs to this model.
        preprocessor: a `TextPreprocessor` of the same task, labels and sequence
            length; None for a model that takes ids.
        labels: label names; a label's id is its place.
        multi_label: whether a text has any number of labels rather than one.
        recipe: settings, see `Recipe`.
        architecture: what the backbone's config does not hold, see `describe`.

    Shapes:
        input: token_ids, padding_mask (1 where real) and, where the backbone takes
            them, segment_ids, (batch, pieces), int32; output: logits (batch, labels),
            float32.

    Raises:
        InputError: impossible labels or recipe.

    Example:
        >>> model = TextClassifier(backbone, preprocessor, labels=("bad", "good"))
        >>> model.compile()
    """

    def __init__(
        self,
        backbone: Any,
        preprocessor: Any = None,
        *,
        labels: Sequence[str],
        multi_label: bool = False,
        recipe: Any = None,
        architecture: Any = None,
        name: str | None = None,
    ) -> None:
        task = "multilabel" if multi_label else "classify"
        labels = check_labels(labels, task)
        super().__init__(
            backbone,
            preprocessor,
            task=task,
            labels=labels,
            units=len(labels),
            recipe=recipe,
            architecture=architecture,
            name=name,
        )
        self.multi_label = multi_label
        self.monitor = ("macro_f1" if multi_label else "accuracy", "max")

    def default_loss(self) -> Any:
        loss = BinaryCrossEntropy if self.multi_label else CrossEntropy
        return loss(self.recipe.label_smoothing)

    def default_metrics(self) -> list[Any]:
        count = len(self.labels)
        many = self.multi_label
        scores = [CrossEntropyScore(), MaskedAccuracy()]
        scores += [
            MacroF1(count, multi_label=many),
            WeightedF1(count, multi_label=many),
        ]
        return scores if self.multi_label else [*scores, MatthewsCorrelation(count)]

    def predict_labels(self, x: Any, batch_size: int | None = None) -> list[Prediction]:
        """The label of each text, with probabilities.

        Args:
            x: what `predict` takes, without a `tf.data.Dataset`'s targets.

        Returns:
            One `Prediction` a text, in order.
        """
        logits = self.predict(x, batch_size=batch_size, verbose=0)
        if self.multi_label:
            rows = ops.convert_to_numpy(ops.sigmoid(logits))
            return [self._many(row) for row in rows]
        rows = ops.convert_to_numpy(ops.softmax(logits, axis=-1)) if len(logits) else []
        return [self._one(row) for row in rows]

    def _one(self, row: np.ndarray) -> Prediction:
        best = int(row.argmax())
        return Prediction(self.labels[best], float(row[best]), self._named(row))

    def _many(self, row: np.ndarray) -> Prediction:
        chosen = [i for i, p in enumerate(row) if p >= 0.5]
        sure = float(row[chosen].min()) if chosen else float(1 - row.max())
        return Prediction(tuple(self.labels[i] for i in chosen), sure, self._named(row))

    def _named(self, row: np.ndarray) -> dict[str, float]:
        return {label: float(p) for label, p in zip(self.labels, row)}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "labels": list(self.labels),
            "multi_label": self.multi_label,
        }
