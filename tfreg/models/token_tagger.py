"""Word lists to one tag a word."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import keras
import numpy as np
from keras import ops

from tfreg._checks import InputError
from tfreg.data.pipelines import is_dataset
from tfreg.data.targets import check_labels
from tfreg.functional.spans import is_iob
from tfreg.heads import WordGather
from tfreg.metrics.accuracy import CrossEntropy as CrossEntropyScore
from tfreg.metrics.accuracy import MaskedAccuracy
from tfreg.metrics.spans import SpanF1
from tfreg.models import feeding
from tfreg.models.decoding import decode, decode_sentences
from tfreg.models.predicting import predict_batches
from tfreg.models.predictions import Prediction
from tfreg.models.reusing import reuse_features
from tfreg.models.samples import averaged
from tfreg.models.text_task import TextTask
from tfreg.objectives import CrossEntropy, PathLikelihood


@keras.saving.register_keras_serializable("tfreg")
class TokenTagger(TextTask):
    """A tag for every word, from any KerasHub text encoder.

    The encoder's output at each word's first piece, then dropout, then one Dense
    layer in float32. Loss and scores count real words only, each once. At prediction
    every word gets exactly one tag, however long the text: long ones are read through
    overlapping windows. Usually made by `build_tagger`. Other heads are in
    `tfreg.heads`; with `CRF`, `predict` and all scores go by the best path of tags, and
    the model called as a function gives emissions.

    Args:
        backbone: a KerasHub backbone, which from then on belongs to this model.
        preprocessor: a `TextPreprocessor` of the same task, labels and sequence
            length; None for a model that takes ids.
        labels: tag names; a tag's id is its place.
        recipe: settings, see `Recipe`.
        architecture: what the backbone's config does not hold, see `describe`.

    Shapes:
        input: as `TextClassifier`, and word_positions (batch, words), int32: the place
            of each word's first piece, 0 for no word; output: logits
            (batch, words, tags), float32. Targets: (batch, words), −1 for no word, −2
            for one that another row answers for.

    Raises:
        InputError: impossible labels or recipe.

    Example:
        >>> model = TokenTagger(backbone, labels=("O", "B-PER", "I-PER"))
        >>> model.compile()
    """

    def __init__(
        self,
        backbone: Any,
        preprocessor: Any = None,
        *,
        labels: Sequence[str],
        recipe: Any = None,
        architecture: Any = None,
        name: str | None = None,
    ) -> None:
        labels = check_labels(labels, "tag")
        super().__init__(
            backbone,
            preprocessor,
            task="tag",
            labels=labels,
            units=len(labels),
            recipe=recipe,
            architecture=architecture,
            name=name,
        )
        self.has_spans = is_iob(labels)
        self.monitor = ("span_f1_strict" if self.has_spans else "accuracy", "max")

    @property
    def reads_words(self) -> bool:
        return self.layer_mix is None

    def _reads(self, output: Any) -> Any:
        return output["sequence_output"] if isinstance(output, dict) else output

    def _features(
        self, read: Any, inputs: dict[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        positions = keras.Input((None,), dtype="int32", name="word_positions")
        gather = WordGather(dtype=read.dtype, name="word_gather")  # it only copies
        words = gather(read, positions)
        return words, {**inputs, "word_positions": positions}

    def default_loss(self) -> Any:
        if self.transitions is not None:
            return PathLikelihood()
        return CrossEntropy(self.recipe.label_smoothing)

    def default_metrics(self) -> list[Any]:
        scores = [CrossEntropyScore(), MaskedAccuracy()]
        if self.has_spans:
            scores += [SpanF1(self.labels, "strict"), SpanF1(self.labels, "lenient")]
        return scores

    def compile(
        self,
        optimizer: Any = None,
        loss: Any = None,
        metrics: Any = None,
        **kwargs: Any,
    ) -> None:
        if self.transitions is not None:
            loss = self.default_loss() if loss is None else loss
            if not isinstance(loss, PathLikelihood):
                raise InputError(
                    "`compile(loss=...)` must be PathLikelihood with `head='crf'`: no "
                    f"other trains the transitions; got {loss!r}"
                )
            loss.transitions = self.transitions
        super().compile(optimizer, loss, metrics, **kwargs)

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> Any:
        """Scores of the tags the model would answer with."""
        if self.transitions is not None:
            y_pred = self.transitions.tag_scores(averaged(self, y_pred), y)
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def predict(
        self,
        x: Any = None,
        batch_size: int | None = None,
        feature_cache: Any = False,
        **kwargs: Any,
    ) -> Any:
        """Logits of every word: for word lists a list of (words, tags) arrays.

        With a `CRF` head log-probabilities whose argmax is the best path. What a frozen
        encoder says is not kept, unless ``feature_cache`` has it, as for `fit`.
        """
        # A data set is read as it comes, and is nothing that features are kept of.
        batches = (
            None
            if is_dataset(x)
            else feeding.feed(self, x, batch_size=batch_size).batches
        )
        reuse_features(self, [batches], feature_cache, kwargs.get("verbose"))
        if is_dataset(x) and not isinstance(_inputs(x.element_spec), dict):
            return self._predict_words(x, batch_size, **kwargs)
        if is_dataset(x) and self.transitions is not None:
            return self._decode_ids(x, **kwargs)
        if batches is None:
            found = super().predict(x, batch_size=batch_size, **kwargs)
            return found if self.transitions is None else self._decoded(found, x)
        encoded = batches.encoded
        assert encoded.answers is not None
        logits: dict[int, np.ndarray] = {}
        for rows, found in predict_batches(self, batches, batch_size, kwargs):
            logits.update(zip(rows.tolist(), found))
        parts: list[list[np.ndarray]] = [[] for _ in range(encoded.examples)]
        for row, (first, end) in enumerate(encoded.answers):  # windows in order
            parts[encoded.example[row]].append(logits[row][first:end])
        empty = np.zeros((0, len(self.labels)), "float32")
        sentences = [np.concatenate(part) if part else empty for part in parts]
        if self.transitions is None:
            return sentences
        return decode_sentences(sentences, self.transitions.chain())

    def _predict_words(
        self,
        x: Any,
        batch_size: int | None,
        steps: int | None = None,
        verbose: Any = 0,
        **others: Any,
    ) -> list[np.ndarray]:
        """Logits of a data set of words, batch by batch."""
        if others:
            name = next(iter(others))
            raise InputError(f"`predict` takes no `{name}` with a data set of words")
        words = map(_inputs, islice(x, steps))
        parts = (self.predict(part, batch_size, verbose=0) for part in words)
        return [row for part in parts for row in part]

    def _decode_ids(self, x: Any, steps: int | None = None, verbose: Any = 0) -> Any:
        """Scores of tags for a data set of ids, by batches: it may be shuffled."""
        batches = islice(map(_inputs, x), steps)
        return np.concatenate(
            [self._decoded(self.predict_on_batch(ids), ids) for ids in batches]
        )

    def _decoded(self, emissions: Any, ids: Any) -> np.ndarray:
        is_word = np.asarray(ids["word_positions"]) > 0
        return decode(emissions, is_word, self.transitions.chain())

    def predict_labels(
        self, x: Any, batch_size: int | None = None
    ) -> list[list[Prediction]]:
        """The tag of every word, with probabilities.

        Args:
            x: word lists, `Examples` or what `encode` made of them.

        Returns:
            One list a sentence, of one `Prediction` a word, in order.
        """
        result = []
        found = self.predict(x, batch_size=batch_size, verbose=0)
        if isinstance(x, dict):  # ids: what they say is a word
            places = np.asarray(x["word_positions"])
            found = [row[place > 0] for row, place in zip(found, places)]
        elif not isinstance(found, list):
            raise InputError("`predict_labels` takes words, or ids in a dictionary")
        for logits in found:
            rows = ops.convert_to_numpy(ops.softmax(logits, axis=-1))
            result.append([self._prediction(row) for row in rows])
        return result

    def _prediction(self, row: np.ndarray) -> Prediction:
        best = int(row.argmax())
        named = {label: float(p) for label, p in zip(self.labels, row)}
        return Prediction(self.labels[best], float(row[best]), named)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "labels": list(self.labels)}


def _inputs(batch: Any) -> Any:
    """The inputs of a batch that may have targets and weights."""
    return batch[0] if isinstance(batch, tuple) else batch
