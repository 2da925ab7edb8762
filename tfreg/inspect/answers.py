"""What a model says of labelled examples, and how sure it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit, softmax

from tfreg._checks import InputError
from tfreg._outcome import Outcome
from tfreg.data.inputs import as_examples
from tfreg.metrics.scores import logits_and_ids
from tfreg.models.feeding import unpack


def answers(
    model: Any, data: Any, encoded: Any = None, feature_cache: Any = False
) -> Outcome:
    """Predict labelled examples.

    Args:
        model: a tfreg model.
        data: `Examples`, or (x, y) of texts and targets.
        encoded: the same rows, encoded by the model, if at hand.
        feature_cache: as for the model's `predict`.

    Raises:
        InputError: no rows, rows without targets, or an output that is not finite.
    """
    x, y, _ = unpack(data)
    examples = as_examples(x, y, model.task)
    if examples is None:
        raise InputError("this needs texts with targets: Examples, or (x, y) of them")
    if examples.targets is None:
        raise InputError("these rows have no labels, so they cannot be scored")
    rows = examples if encoded is None else encoded
    outputs = model.predict(rows, verbose=0, feature_cache=feature_cache)
    parts = outputs if model.task == "tag" else [outputs]
    if not all(np.isfinite(part).all() for part in parts):
        raise InputError(
            "the model's outputs are not finite numbers: the fit diverged; "
            "try a lower learning_rate or strength"
        )
    return Outcome(model.task, examples.targets, outputs, tuple(model.labels))


def certainty(found: Outcome) -> tuple[np.ndarray, np.ndarray]:
    """Probability of each answer, and whether it is right; of each label, of several.

    Returns:
        Floats and booleans, one an answer.

    Raises:
        InputError: a regressor, which gives no probabilities, or no rows.
    """
    logits, ids = read(found)
    if found.task == "multilabel":
        return expit(logits).ravel(), ids.ravel() == 1
    said = softmax(logits, axis=1)
    return said.max(axis=1), said.argmax(axis=1) == ids


def read(found: Outcome) -> tuple[np.ndarray, np.ndarray]:
    """`logits_and_ids` of an outcome."""
    return logits_and_ids(found.task, found.targets, found.outputs, found.labels)
