"""Whatever people pass as data, turned into what Keras's `fit` takes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from tfreg._checks import DataWarning, InputError
from tfreg.data.augment.augmenter import Augmenter
from tfreg.data.batches import Batches, pad_rows
from tfreg.data.encoded import Encoded
from tfreg.data.inputs import as_examples
from tfreg.data.pipelines import count, is_dataset, join, weigh
from tfreg.data.slices import Slices
from tfreg.data.targets import NOT_A_WORD, class_weights, encode_targets


@dataclass(frozen=True)
class Feed:
    """Data ready for Keras: batches of ours, or what Keras is to be given."""

    batches: Batches | None = None
    given: dict[str, Any] = field(default_factory=dict)
    ids: Slices | None = None  # that `given` was made of, if it was

    @property
    def ordered(self) -> Batches | Slices | None:
        """What decides the order of rows by the epoch; None: the data itself."""
        return self.ids if self.batches is None else self.batches

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of Keras's `fit` and `evaluate`."""
        return self.given if self.batches is None else {"x": self.batches.dataset()}

    def steps(self) -> int:
        """Steps an epoch."""
        return count(self.given["x"]) if self.batches is None else len(self.batches)

    def targets(self, limit: int) -> np.ndarray:
        """The targets; of a data set those of its first batches, `limit` or more."""
        if self.batches is not None:
            return np.asarray(self.batches.encoded.targets)
        found: list[np.ndarray] = []
        for _, y, *_ in self.given["x"]:
            found.append(np.ravel(y))
            if sum(map(len, found)) >= limit:
                break
        return np.concatenate(found)


def feed(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    class_weight: Mapping[str, float] | None = None,
    batch_size: int | None = None,
    seed: int | None = None,
) -> Feed:
    """One set of data for a model, for training if a seed is given.

    Raises:
        InputError: data the model cannot take.
    """
    size = batch_size or model.recipe.batch_size
    steps = 1 if seed is None else model.recipe.gradient_accumulation_steps
    augment = None if seed is None else model.recipe.augment
    if augment and (is_dataset(x) or model.preprocessor is None):
        raise InputError(
            "`augment` changes texts: give lists, arrays or Examples of them, not ids "
            "or a tf.data.Dataset"
        )
    if y is not None and (is_dataset(x) or isinstance(x, Encoded)):
        raise InputError("`y` must be left out: `x` carries its targets")
    if is_dataset(x) and sample_weight is not None:
        raise InputError(
            "`sample_weight` must be left out: a tf.data.Dataset carries its weights, "
            "as the third part of its batches"
        )
    if is_dataset(x):
        if class_weight is not None:
            table = class_weights(class_weight, model.task, model.labels)
            assert table is not None
            x = weigh(x.map(model.preprocess_samples), table)
        if steps > 1:
            x = join(x.map(model.preprocess_samples), steps)
        given = {} if batch_size is None else {"batch_size": batch_size}
        return Feed(given={"x": x, **given})
    if model.preprocessor is None:
        arrays = _ids(model, x, y, sample_weight, class_weight)
        rows = Slices(arrays, size * steps, seed)
        return Feed(given={"x": rows.dataset()}, ids=rows)
    if isinstance(x, Encoded):
        if class_weight is not None or sample_weight is not None:
            raise InputError("weights of encoded data are given to `encode`")
        encoded = x
    else:
        examples = as_examples(x, y, model.task)
        if examples is None:
            raise InputError(
                "`x` must be texts, Examples or a batched tf.data.Dataset; "
                f"got {type(x).__name__}"
            )
        encoded = encode(
            model, examples, sample_weight=sample_weight, class_weight=class_weight
        )
    if seed is not None and (encoded.targets is None or not len(encoded)):
        raise InputError("`x` must be labelled examples, at least one")
    batches = model.preprocessor.batches(encoded, size * steps, seed)
    if augment:
        batches.augmenter = Augmenter(augment, model.preprocessor, encoded, seed or 0)
    return Feed(batches)


def feed_validation(model: Any, data: Any, batch_size: int | None) -> Feed:
    """`validation_data` of `fit`, whatever its form.

    Raises:
        InputError: nothing in it, or no targets.
    """
    x, y, weight = unpack(data)
    found = feed(model, x, y, sample_weight=weight, batch_size=batch_size)
    if found.batches is not None:
        encoded = found.batches.encoded
        if encoded.targets is None or not len(encoded):
            raise InputError("`validation_data` must be labelled, at least one example")
    return found


def whole_batch(
    model: Any, data: Any, draw: Callable[[int], np.ndarray] = np.arange
) -> tuple[Any, Any, Any]:
    """All of some data as one batch: (x, y, sample_weight), None where missing.

    Args:
        model: a task model.
        data: in the forms that `fit` takes.
        draw: from the number of rows to those that are wanted, of texts.
    """
    x, y, weight = unpack(data)
    found = feed(model, x, y, sample_weight=weight)
    if found.batches is not None:
        batch = found.batches.collate(draw(len(found.batches.encoded)))
    elif is_dataset(x):
        batch = model.preprocess_samples(*next(iter(x)))
    else:
        batch = _ids(model, x, y, weight, None)
    return keras.utils.unpack_x_y_sample_weight(batch)


def unpack(data: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) of what `validation_data` may be."""
    apart = isinstance(data, (tuple, list)) and len(data) in (2, 3)
    if not apart or isinstance(data[0], str):
        return data, None, None
    x, y, *rest = data
    return x, y, rest[0] if rest else None


def encode(model: Any, examples: Any, **weights: Any) -> Encoded:
    """Tokenise a split once, and say how many texts were cut."""
    if model.preprocessor is None:
        raise InputError("a model without a tokenizer takes ids, not text")
    encoded = model.preprocessor.encode(examples, **weights)
    if encoded.cut:
        warnings.warn(
            f"{encoded.cut} of {encoded.examples} texts cut to "
            f"sequence_length={model.preprocessor.sequence_length}",
            DataWarning,
            stacklevel=4,
        )
    return encoded


def _ids(model: Any, x: Any, y: Any, sample_weight: Any, class_weight: Any) -> Any:
    """Arrays of ids, for a model without a tokenizer, with their weights."""
    _check_rows(x, y=y, sample_weight=sample_weight)
    if y is None:
        return (x,)
    if any(isinstance(leaf, (str, bytes)) for leaf in keras.tree.flatten(y)):
        y = encode_targets(y, model.task, model.labels)
        if model.task == "tag":
            y = pad_rows(y, np.shape(x["word_positions"])[1], NOT_A_WORD)
    y = np.asarray(y)
    if y.dtype.kind in "OUS":
        y = np.asarray(encode_targets(y.tolist(), model.task, model.labels))
    table = class_weights(class_weight, model.task, model.labels)
    if table is not None:
        weights = np.where(y >= 0, table[np.maximum(y, 0)], 0).astype("float32")
        each = np.asarray(1.0 if sample_weight is None else sample_weight)
        if each.ndim == 1 and weights.ndim == 2:
            each = each[:, None]
        sample_weight = weights * each
    return (x, y) if sample_weight is None else (x, y, np.asarray(sample_weight))


def _check_rows(x: Any, **others: Any) -> None:
    if not isinstance(x, Mapping):
        raise InputError(
            "`x` must be a dict of ids, since the model has no tokenizer; "
            f"got {type(x).__name__}"
        )
    parts = {f"x[{name!r}]": part for name, part in x.items()} | others
    rows = {name: len(part) for name, part in parts.items() if part is not None}
    if len(set(rows.values())) > 1:
        found = ", ".join(f"`{name}` {count}" for name, count in rows.items())
        raise InputError(f"all must have as many rows; got {found}")
