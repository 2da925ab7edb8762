"""What a model says of labelled examples, beside the truth."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit, softmax

from tfreg._checks import InputError
from tfreg.data.inputs import as_examples
from tfreg.models.feeding import unpack


class Answers(NamedTuple):
    """Outputs and targets of a task.

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


def answers(model: Any, data: Any, encoded: Any = None) -> Answers:
    """Predict labelled examples.

    Args:
        model: a tfreg model.
        data: `Examples`, or (x, y) of texts and targets.
        encoded: the same rows, encoded by the model, if at hand.

    Raises:
        InputError: no rows, rows without targets, or an output that is not finite.
    """
    x, y, _ = unpack(data)
    examples = as_examples(x, y, model.task)
    if examples is None:
        raise InputError("this needs texts with targets: Examples, or (x, y) of them")
    if examples.targets is None:
        raise InputError("these rows have no labels, so they cannot be scored")
    outputs = model.predict(examples if encoded is None else encoded, verbose=0)
    rows = outputs if model.task == "tag" else [outputs]
    if not all(np.isfinite(row).all() for row in rows):
        raise InputError(
            "the model's outputs are not finite numbers: the fit diverged; "
            "try a lower learning_rate or strength"
        )
    return Answers(model.task, examples.targets, outputs, tuple(model.labels))


def logits_and_ids(found: Any) -> tuple[np.ndarray, np.ndarray]:
    """Logits and true ids: of rows or of all words; of labels, a column each.

    Returns:
        Floats of shape (rows, classes) and integers of shape (rows,); for several
        labels a row both of shape (rows, labels), the integers 0 and 1.

    Raises:
        InputError: a regressor, which gives no probabilities, or no rows.
    """
    if found.task == "regress":
        raise InputError("a regressor gives no probabilities")
    if not len(found.targets):
        raise InputError("there are no rows")
    ids = {label: number for number, label in enumerate(found.labels)}
    if found.task == "multilabel":
        true = [[label in row for label in found.labels] for row in found.targets]
        return np.asarray(found.outputs, "float64"), np.array(true, int)
    logits, targets = found.outputs, found.targets
    if found.task == "tag":
        logits = np.concatenate([rows for rows in logits if len(rows)])
        targets = tuple(tag for tags in targets for tag in tags)
    return np.asarray(logits, "float64"), np.array([ids[t] for t in targets])


def certainty(found: Any) -> tuple[np.ndarray, np.ndarray]:
    """Probability of each answer, and whether it is right; of each label, of several.

    Returns:
        Floats and booleans, one an answer.

    Raises:
        InputError: as `logits_and_ids`.
    """
    logits, ids = logits_and_ids(found)
    if found.task == "multilabel":
        return expit(logits).ravel(), ids.ravel() == 1
    said = softmax(logits, axis=1)
    return said.max(axis=1), said.argmax(axis=1) == ids
