"""Features of the frozen part of an encoder: computed once, read in every epoch.

Below the frozen boundary every pass gives the same, since frozen parts run without
dropout. Batches then carry these features beside the ids, and the model computes only
what is above the boundary.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from os import PathLike
from typing import Any

import keras
import numpy as np

from tfreg import _compat
from tfreg._checks import DataWarning, InputError, fail
from tfreg.adapt.describe import describe
from tfreg.adapt.split import split
from tfreg.data.batches import Batches
from tfreg.data.encoded import Encoded
from tfreg.data.features import FeatureCache, Features, as_bytes, platform, size_of
from tfreg.models.predicting import predict_batches

FEATURES = "features"  # the name of this input
_FORMAT = 2  # to be raised when features come to mean something else
_STRATEGIES = (  # of TensorFlow, in which one process sees all weights
    "_DefaultDistributionStrategy",
    "OneDeviceStrategy",
    "MirroredStrategy",
)


class LowerHalf(_compat.ReadsRounded, keras.Model):
    """A Keras model whose kernels are rounded, and packed, once a split."""


@dataclass(frozen=True)
class Halves:
    """A task model cut at the frozen boundary; the halves share its layers.

    Args:
        lower: from the model's inputs to the features.
        upper: from the inputs and the features to the logits.
        depth: blocks below the cut; None if it lies above the whole encoder.
    """

    lower: Any
    upper: Any
    depth: int | None


def reuse_features(
    model: Any, splits: Sequence[Batches | None], cache: Any, verbose: Any = 0
) -> None:
    """Give batches the features of the frozen part, from the cache or computed now.

    Where that cannot be, the model computes all of itself in every pass, as ever. A
    warning says so where it was asked for, or would have been of use.

    Args:
        model: a task model.
        splits: batches that it will see; None stands for other forms of data.
        cache: as for `TextTask.fit`.
        verbose: Keras's.
    """
    if cache is False:
        return
    store = _as_cache(cache)
    frozen = model.recipe.freeze not in (None, "embeddings")
    moving = [each for each in model.objectives if each.moves_embeddings]
    texts = [batches for batches in splits if batches is not None]
    ours = [batches for batches in texts if batches.augmenter is None]
    if cache is not None and not frozen:
        _say(f"`freeze={model.recipe.freeze!r}` freezes no block")
    elif cache is not None and len(texts) < len(splits):
        _say("only those of texts are, not of ids or data sets")
    elif cache is not None and moving:
        _say(f"{type(moving[0]).__name__} moves the embeddings, below all features")
    elif cache is not None and model.layer_mix is not None:
        _say("the head mixes the outputs of all blocks")
    elif cache is not None and len(ours) < len(texts):
        _say("`augment` changes the training texts in every epoch")
    if not frozen or not ours or moving or model.layer_mix is not None:
        return
    used = 0
    try:
        halves = _halves(model)
        part = _frozen_part(model, halves)
        for batches in ours:
            used += _attach(model, halves, part, batches, store, used, verbose)
    except InputError as error:
        _say(error)
    except OSError as error:
        _say(f"{store.path}: {error.strerror}")
    finally:
        if model.halves is not None:
            _compat.unpack(model.halves.lower)


def _as_cache(cache: Any) -> FeatureCache:
    """A cache, from what `fit` takes."""
    if isinstance(cache, FeatureCache):
        return cache
    if cache is None or cache is True:
        return FeatureCache()
    if not isinstance(cache, (str, PathLike)):
        raise fail("feature_cache", "a folder, a FeatureCache or a bool", cache)
    return FeatureCache(cache)


def _say(reason: Any) -> None:
    warnings.warn(f"features are not kept: {reason}", DataWarning, stacklevel=5)


def _halves(model: Any) -> Halves:
    """The halves of a model, made when first needed.

    They stay as they were cut: a step that was traced with them is not traced anew.

    Raises:
        InputError: they would not compute what the model computes.
    """
    if model.halves is None:
        frozen = model.recipe.freeze
        whole = frozen == "backbone" or not model.backbone.trainable_variables
        model.halves = _cut(model, None if whole else frozen)
    _check(model, model.halves.lower)
    return model.halves


def _cut(model: Any, depth: int | None) -> Halves:
    """Cut a model above its lowest blocks, or between its features and its head."""
    if depth is None:
        cut, inputs = model.features, model.input
        features = given = _input_like(cut)
    else:
        ids = dict(model.backbone.input)
        read = model._reads(model.backbone.output)
        below, above = split(model.backbone, depth, read)
        cut = below.output
        given = _input_like(cut)
        features, inputs = model._features(above([given, *ids.values()]), ids)
    lower = LowerHalf(model.input, cut)
    lower.jit_compile = False  # every length of text would be compiled anew
    logits = model.answer(features, inputs)
    return Halves(lower, keras.Model({**inputs, FEATURES: given}, logits), depth)


def _input_like(cut: Any) -> Any:
    return keras.Input(batch_shape=cut.shape, dtype=cut.dtype, name=FEATURES)


def _check(model: Any, lower: Any) -> None:
    """Refuse what would make features change, or be taken for another encoder's.

    Raises:
        InputError: saying what it is.
    """
    if lower.trainable_variables:
        name = lower.trainable_variables[0].path
        raise InputError(f"{name!r} trains, below the frozen boundary")
    rates = [_compat.dropout_rate(found) for _, found in _compat.dropouts([lower])]
    if any(rates):
        raise InputError(f"dropout of {max(rates)} below the frozen boundary")
    for layer in _compat.nested_layers(lower):
        random = hasattr(layer, "seed_generator")
        if random and not isinstance(layer, keras.layers.Dropout):
            raise InputError(f"{layer.name!r} is random, below the frozen boundary")
    unnamed = [name for name, value in _architecture(model).items() if value is None]
    if unnamed:
        raise InputError(f"the encoder's {unnamed[0]} has no name to keep them by")
    strategy = type(getattr(model, "distribute_strategy", None)).__name__
    if strategy.endswith("Strategy") and strategy not in _STRATEGIES:
        raise InputError(f"not under {strategy}")


def _attach(
    model: Any,
    halves: Halves,
    part: bytes,
    batches: Batches,
    store: FeatureCache,
    used: int,
    verbose: Any,
) -> int:
    """Give one split's batches its features; how many bytes these take."""
    encoded = batches.encoded
    counts = _counts(halves, encoded)
    in_order = model.preprocessor.batches(encoded, batches.batch_size)
    order = in_order.wide()
    each = np.ones(len(encoded), "int64") if counts is None else counts
    rows = np.concatenate(order) if order else np.zeros(0, "int64")
    first = np.zeros(len(encoded), "int64")
    first[rows] = np.cumsum(each[rows]) - each[rows]
    cut = halves.lower.output
    shape, dtype = (int(each.sum()), int(cut.shape[-1])), str(cut.dtype)
    size = size_of(shape, dtype)
    if not size:
        return 0
    if used + size > store.max_bytes:
        taken = f", {_gigabytes(used)} of them taken by this fit" if used else ""
        raise InputError(
            f"those of {len(encoded)} rows take {_gigabytes(size)}; "
            f"{store.path} holds {_gigabytes(store.max_bytes)}{taken}"
        )
    key = _key(part, encoded, (*shape, dtype))
    values = store.read(key, shape, dtype)
    if values is None:
        blocks = _compute(halves.lower, in_order, counts, verbose)
        # Up to a block, all its positions are kept; up to the head, what it reads.
        read = model.as_read() if halves.depth is None else nullcontext()
        with _compat.only_forward(), read:
            values = store.write(key, shape, dtype, blocks)
    batches.features = Features(values, first, counts)
    return size


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.2g} GB"


def _counts(halves: Halves, encoded: Encoded) -> np.ndarray | None:
    """Vectors a row; None for one, which has no axis."""
    if len(halves.lower.output.shape) == 2:
        return None
    if halves.depth is not None or encoded.words is None:
        return encoded.lengths
    return np.fromiter(map(len, encoded.words), np.int64, len(encoded))


def _compute(
    lower: Any, batches: Batches, counts: np.ndarray | None, verbose: Any
) -> Iterator[np.ndarray]:
    """The features of a split, without padding, in the order of its batches."""
    shown = verbose not in (0, "0", 2, "2")
    if shown:
        print(f"Features of {len(batches.encoded)} rows, computed once")
    for rows, found in predict_batches(lower, batches, None, {"verbose": int(shown)}):
        if counts is None:
            yield found
        else:
            yield found[np.arange(found.shape[1]) < counts[rows][:, None]]


def _frozen_part(model: Any, halves: Halves) -> bytes:
    """What features depend on beside the data: frozen part, versions; as one number."""
    config = model.backbone.get_config()
    about = {
        "format": _FORMAT,
        "depth": halves.depth,
        "task": model.task == "tag",
        "backbone": type(model.backbone).__name__,
        "config": {
            name: value
            for name, value in config.items()
            if name not in ("name", "trainable") and "dropout" not in name
        },
        "architecture": _architecture(model),
        "pooling": model.head.text_pooling,
        "platform": platform(),
    }
    part = hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode())
    for weight in sorted(halves.lower.weights, key=lambda weight: weight.path):
        value = _compat.as_numpy(weight)
        part.update(f"{weight.path} {value.shape} {value.dtype}".encode())
        part.update(as_bytes(value))
    return part.digest()


def _key(part: bytes, encoded: Encoded, form: Any) -> str:
    """The name of a split's features: what computes them, and of what."""
    key = hashlib.sha256(part + str(form).encode())
    for rows in (encoded.pieces, encoded.words or ()):
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        key.update(as_bytes(lengths))
        key.update(as_bytes(np.concatenate(rows)) if rows else b"")
    key.update(as_bytes(encoded.second))
    return key.hexdigest()


def _architecture(model: Any) -> dict[str, Any]:
    """What the frozen part computes that neither config nor weights say."""
    found = describe(model.backbone)
    names = "activation", "layer_norm_epsilon"
    return {name: found[name] for name in names} | {"pooler": model.reads_pooler}
