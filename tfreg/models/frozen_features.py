"""What a frozen encoder says of a split, as a matrix: for heads that fit alone."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tfreg._checks import InputError
from tfreg.models import feeding
from tfreg.models.reusing import reuse_features


class FrozenFeatures(NamedTuple):
    """The vectors that the head of a model reads, one a row, or a word for taggers.

    Args:
        values: (rows, width); taggers: (words, width), sentence after sentence.
        targets: the same number of ids, numbers, or vectors; None without.
    """

    values: np.ndarray
    targets: Any


def frozen_features(
    model: Any, examples: Any, cache: Any = None, verbose: Any = 0
) -> FrozenFeatures:
    """Features of a split from the cache, or computed now and kept there.

    Args:
        model: one with ``freeze="backbone"`` and a head that reads what the backbone
            says, through no weights of its own.
        examples: `Examples`, or what `encode` made of them.
        cache: a folder or a `FeatureCache`; None: the default one.
        verbose: Keras's.

    Raises:
        InputError: they cannot be kept, as the warning before it says.

    Example:
        >>> from tfreg import Examples, build_classifier
        >>> model = build_classifier(
        ...     backbone, ("bad", "good"), tokenizer=tokenizer, freeze="backbone"
        ... )
        >>> one = Examples("text", ["a good text"], ["good"])
        >>> found = frozen_features(model, one, getfixture("tmp_path"))
        >>> found.values.shape, found.targets.tolist()
        ((1, 8), [1])
    """
    batches = feeding.feed(model, examples).batches
    assert batches is not None
    reuse_features(model, [batches], True if cache is None else cache, verbose)
    features, encoded = batches.features, batches.encoded
    if features is None:
        raise InputError("the encoder's features cannot be kept, so no head fits them")
    if encoded.answers is None:
        values = np.asarray(features.values[features.first])
        return FrozenFeatures(values, encoded.targets)
    own = [np.arange(first, end) for first, end in encoded.answers]
    places = [first + words for first, words in zip(features.first, own)]
    values = np.asarray(features.values[np.concatenate(places)])
    if encoded.targets is None:
        return FrozenFeatures(values, None)
    tags = [tags[words] for tags, words in zip(encoded.targets, own)]
    return FrozenFeatures(values, np.concatenate(tags))
