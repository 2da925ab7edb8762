"""Whatever people pass as data, turned into what Keras's `fit` takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from tfreg._checks import InputError
from tfreg.data.batches import Batches
from tfreg.data.encoded import Encoded
from tfreg.data.inputs import as_examples
from tfreg.data.pipelines import count, is_dataset, weigh
from tfreg.data.targets import class_weights, encode_targets


@dataclass(frozen=True)
class Feed:
    """Data ready for Keras: its arguments, and the batches where they are ours."""

    arguments: dict[str, Any]
    batches: Batches | None = None

    def steps(self) -> int:
        """Steps an epoch."""
        if self.batches is not None:
            return len(self.batches)
        x = self.arguments["x"]
        if is_dataset(x):
            return count(x)
        rows = len(keras.tree.flatten(x)[0])
        return -(-rows // (self.arguments.get("batch_size") or 32))


class Feeding:
    """The part of a task model that understands data."""

    def feed(
        self,
        x: Any,
        y: Any,
        sample_weight: Any,
        class_weight: Mapping[str, float] | None,
        batch_size: int | None,
        seed: int | None = None,
    ) -> Feed:
        """One set of data, for training if a seed is given."""
        preprocessor = self.preprocessor
        if is_dataset(x):
            if class_weight is not None:
                table = class_weights(class_weight, self.task, self.labels)
                x = weigh(x.map(self.preprocess_samples), table)
            return Feed({"x": x, "y": y, "batch_size": batch_size})
        size = batch_size or self.recipe.batch_size
        if preprocessor is not None:
            encoded = x
            if not isinstance(x, Encoded):
                examples = as_examples(x, y, self.task)
                if examples is None:
                    raise InputError(
                        f"`x` must be texts, Examples or a batched tf.data.Dataset; "
                        f"got {type(x).__name__}"
                    )
                encoded = preprocessor.encode(
                    examples, sample_weight=sample_weight, class_weight=class_weight
                )
            elif class_weight is not None or sample_weight is not None:
                raise InputError("weights of encoded data are given to `encode`")
            batches = Batches(
                encoded,
                size,
                pad=preprocessor.pad,
                segments=preprocessor.segments,
                seed=seed,
            )
            return Feed({"x": batches.dataset()}, batches)
        if y is not None:
            y = self._ids(y)
            table = class_weights(class_weight, self.task, self.labels)
            if table is not None:
                weights = np.where(y >= 0, table[np.maximum(y, 0)], 0).astype("float32")
                sample_weight = (
                    weights if sample_weight is None else weights * sample_weight
                )
        arguments = {"x": x, "y": y, "sample_weight": sample_weight, "batch_size": size}
        return Feed(arguments)

    def feed_validation(self, data: Any, batch_size: int | None) -> Any:
        """`validation_data` of `fit`, for Keras."""
        if isinstance(data, tuple) and len(data) in (2, 3):
            x, y, *rest = data
            feed = self.feed(x, y, rest[0] if rest else None, None, batch_size)
        else:
            feed = self.feed(data, None, None, None, batch_size)
        arguments = feed.arguments
        if arguments.get("y") is None:
            return arguments["x"]
        return arguments["x"], arguments["y"], arguments["sample_weight"]

    def _ids(self, y: Any) -> np.ndarray:
        """Targets that came with ids instead of text."""
        array = np.asarray(y)
        if array.dtype.kind in "OUS" and self.task in ("classify", "regress"):
            return np.asarray(encode_targets(list(y), self.task, self.labels))
        return array
