"""Scores of a finished prediction, by scikit-learn, SciPy and seqeval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfreg._checks import InputError, check_choice
from tfreg.functional.spans import is_iob


def classification_scores(
    targets: Sequence[str], logits: Any, labels: Sequence[str]
) -> dict[str, float]:
    """Accuracy, macro and weighted F1, Matthews correlation, cross-entropy.

    F1 averages run over the classes that are true or predicted somewhere.

    Args:
        targets: The true class name of each row.
        logits: Floats of shape (rows, classes).
        labels: Class names in id order.

    Raises:
        InputError: If there is no row, lengths differ, a logit is not finite, or a
            target is not one of the labels.

    Example:
        >>> classification_scores(["a", "b"], [[1, 0], [0, 1]], ["a", "b"])["accuracy"]
        1.0
    """
    logits = _read_logits(targets, logits, len(labels))
    return _class_scores(_ids(targets, labels), logits)


def multilabel_scores(
    targets: Sequence[Sequence[str]], logits: Any, labels: Sequence[str]
) -> dict[str, float]:
    """The scores of `classification_scores` for rows with any number of classes.

    A class is predicted if its logit is above 0. Accuracy is the share of rows with
    every class right; F1 averages run over all classes; the Matthews correlation is
    the mean of the classes' own; cross-entropy is the sigmoid's, mean over classes,
    then over rows. Arguments and errors as there; `targets` are collections of names.

    Example:
        >>> multilabel_scores([("a",), ()], [[1, -1], [-1, -1]], ["a", "b"])["macro_f1"]
        0.5
    """
    from sklearn.metrics import f1_score

    logits = _read_logits(targets, logits, len(labels))
    true, pred = _indicators(targets, labels), (logits > 0).astype(int)
    # Label by label: a single column scikit-learn takes for two classes.
    f1 = [f1_score(*column, zero_division=0) for column in zip(true.T, pred.T)]
    support = true.sum(0)
    return {
        "accuracy": float((true == pred).all(1).mean()),
        "macro_f1": float(np.mean(f1)),
        "weighted_f1": float(support @ f1 / max(support.sum(), 1)),
        "mcc": float(np.mean([_matthews(*c) for c in zip(true.T, pred.T)])),
        "cross_entropy": cross_entropy(logits, true),
    }


def regression_scores(targets: Sequence[float], predictions: Any) -> dict[str, float]:
    """Pearson and Spearman correlation, mean squared error.

    A correlation is 0.0 if there are fewer than two rows or either side is constant,
    where it is not defined.

    Args:
        targets: The true number of each row.
        predictions: Floats of shape (rows,) or (rows, 1).

    Raises:
        InputError: If there is no row, lengths differ, or a prediction is not finite.

    Example:
        >>> regression_scores([1.0, 2.0, 3.0], [[1.0], [2.0], [4.0]])["spearman"]
        1.0
    """
    from scipy.stats import pearsonr, spearmanr

    column = np.reshape(predictions, (-1, 1))
    pred = _read_logits(targets, column, 1, "predictions")[:, 0]
    true = np.asarray(targets, "float64")
    varies = len(true) > 1 and np.ptp(true) > 0 and np.ptp(pred) > 0
    return {
        "pearson": float(pearsonr(true, pred)[0]) if varies else 0.0,
        "spearman": float(spearmanr(true, pred)[0]) if varies else 0.0,
        "mse": float(np.mean((true - pred) ** 2)),
    }


def tagging_scores(
    targets: Sequence[Sequence[str]], logits: Sequence[Any], labels: Sequence[str]
) -> dict[str, float]:
    """The scores of `classification_scores` over all words, and the F1 of spans.

    `span_f1_strict` and `span_f1_lenient` (see `tfreg.metrics.SpanF1`) are there if
    the labels are IOB tags.

    Args:
        targets: For each sentence the true tag of each word.
        logits: For each sentence floats of shape (words, tags).
        labels: Tag names in id order.

    Raises:
        InputError: If there is no word, lengths differ, a logit is not finite, or a
            target is not one of the labels.

    Example:
        >>> tags = ["O", "B-PER"]
        >>> tagging_scores([["B-PER", "O"]], [[[0, 1], [1, 0]]], tags)["span_f1_strict"]
        1.0
    """
    words, flat = _flat_words(targets, logits, labels)
    scores = _class_scores(_ids(words, labels), flat)
    if is_iob(labels):
        from seqeval.metrics import f1_score
        from seqeval.scheme import IOB2

        true = [list(tags) for tags in targets]
        pred = _nested(true, _names(flat, labels))
        scores["span_f1_strict"] = float(
            f1_score(true, pred, mode="strict", scheme=IOB2, zero_division=0)
        )
        scores["span_f1_lenient"] = float(f1_score(true, pred, zero_division=0))
    return scores


def classification_report(
    task: str, targets: Sequence[Any], logits: Any, labels: Sequence[str]
) -> str:
    """A table of precision, recall, F1 and support for each class, for people.

    For IOB tags it counts spans (strictly) by type, for other tags words, and for
    regression it lists the three scores.

    Args:
        task: ``"classify"``, ``"multilabel"``, ``"regress"`` or ``"tag"``.
        targets, logits, labels: As for the scores of that task.

    Raises:
        InputError: As the scores of that task, or if the task is another.

    Example:
        >>> print(classification_report("regress", [1.0, 2.0], [1.0, 2.0], []))
        pearson   1.0000
        spearman  1.0000
        mse       0.0000
    """
    from sklearn.metrics import classification_report as table

    check_choice("task", task, ("classify", "multilabel", "regress", "tag"))
    if task == "regress":
        scores = regression_scores(targets, logits)
        return "\n".join(f"{name:8}  {value:.4f}" for name, value in scores.items())
    if task == "multilabel":
        logits = _read_logits(targets, logits, len(labels))
        true, pred = _indicators(targets, labels), (logits > 0).astype(int)
        shown = {"target_names": list(labels), "digits": 4, "zero_division": 0}
        if len(labels) == 1:  # which scikit-learn takes for two classes
            return table(true[:, 0], pred[:, 0], labels=[1], **shown)
        return table(true, pred, **shown)
    if task == "tag":
        words, logits = _flat_words(targets, logits, labels)
        if is_iob(labels):
            return _span_report(targets, _names(logits, labels))
    else:
        words, logits = list(targets), _read_logits(targets, logits, len(labels))
    _ids(words, labels)
    return table(words, _names(logits, labels), digits=4, zero_division=0)


def _span_report(targets, predicted_words) -> str:
    from seqeval.metrics import classification_report as table
    from seqeval.scheme import IOB2

    true = [list(tags) for tags in targets]
    pred = _nested(true, predicted_words)
    if not any(tag.startswith("B") for tags in true + pred for tag in tags):
        return "no spans, neither true nor predicted"  # seqeval fails on none
    return table(true, pred, mode="strict", scheme=IOB2, digits=4, zero_division=0)


def _class_scores(true: np.ndarray, logits: np.ndarray) -> dict[str, float]:
    from sklearn.metrics import accuracy_score, f1_score

    pred = logits.argmax(axis=-1)
    return {
        "accuracy": float(accuracy_score(true, pred)),
        "macro_f1": float(f1_score(true, pred, average="macro", zero_division=0)),
        "weighted_f1": float(f1_score(true, pred, average="weighted", zero_division=0)),
        "mcc": _matthews(true, pred),
        "cross_entropy": cross_entropy(logits, true),
    }


def cross_entropy(logits: np.ndarray, true: np.ndarray) -> float:
    """Mean −log p of the truth, of ids; of sigmoids where there is a column a label.

    Args:
        logits: of shape (rows, classes).
        true: ids of shape (rows,), or 0 and 1 of shape (rows, classes).
    """
    if true.shape == logits.shape:
        return float(np.mean(np.logaddexp(0, logits) - true * logits))
    from scipy.special import log_softmax

    return float(-log_softmax(logits, axis=-1)[np.arange(len(true)), true].mean())


def logits_and_ids(
    task: str, targets: Sequence[Any], logits: Any, labels: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Logits and true ids, of rows or of all words; 0 and 1, a column a label.

    Returns:
        Floats of shape (rows, classes) and integers of shape (rows,); of several labels
        a row both of shape (rows, classes).

    Raises:
        InputError: as the scores of the task; or a regressor's, which are no logits.
    """
    if task == "regress":
        raise InputError("a regressor gives no probabilities")
    if task == "tag":
        words, flat = _flat_words(targets, logits, labels)
        return flat, _ids(words, labels)
    read = _indicators if task == "multilabel" else _ids
    return _read_logits(targets, logits, len(labels)), read(targets, labels)


def _matthews(true: np.ndarray, pred: np.ndarray) -> float:
    from sklearn.metrics import matthews_corrcoef

    if np.ptp(true) == 0 or np.ptp(pred) == 0:
        return 0.0  # not defined; scikit-learn says 0 too, and warns
    return float(matthews_corrcoef(true, pred))


def _read_logits(targets, logits, classes: int, name: str = "logits") -> np.ndarray:
    """float64 logits of shape (rows, classes), checked."""
    logits = np.asarray(logits, "float64")
    if not len(targets):
        raise InputError("`targets` must have at least one row; got none")
    if logits.shape != (len(targets), classes):
        raise InputError(
            f"`{name}` must have shape {(len(targets), classes)}; got {logits.shape}"
        )
    bad = np.flatnonzero(~np.isfinite(logits).all(axis=-1))
    if len(bad):
        raise InputError(
            f"`{name}` must be finite; got {logits[bad[0]].tolist()} in row {bad[0]}, "
            f"and {len(bad)} such rows of {len(logits)}"
        )
    return logits


def _flat_words(targets, logits, labels) -> tuple[list[str], np.ndarray]:
    """The tags and the checked logits of all words, one after the other."""
    found, expected = [len(rows) for rows in logits], [len(tags) for tags in targets]
    if found != expected:
        raise InputError(
            "`logits` must have one row a word of `targets`; got sentences of "
            f"{found[:5]} rows for {expected[:5]} words (the first five)"
        )
    words = [tag for tags in targets for tag in tags]
    rows = [row for sentence in logits for row in np.asarray(sentence, "float64")]
    return words, _read_logits(words, rows, len(labels))


def _ids(names, labels) -> np.ndarray:
    """The id of each name."""
    ids = {label: i for i, label in enumerate(labels)}
    for row, name in enumerate(names):
        if name not in ids:
            raise InputError(
                f"`targets` must be labels of the model; got {name!r} in row {row}"
            )
    return np.array([ids[name] for name in names])


def _indicators(targets, labels) -> np.ndarray:
    """1 where the row has the class: integers of shape (rows, classes)."""
    matrix = np.zeros((len(targets), len(labels)), int)
    for row, names in enumerate(targets):
        if names:
            matrix[row, _ids(names, labels)] = 1
    return matrix


def _names(logits: np.ndarray, labels) -> list[str]:
    return [labels[i] for i in logits.argmax(axis=-1)]


def _nested(like, flat: list) -> list[list]:
    """The flat list cut into the lengths of `like`."""
    items = iter(flat)
    return [[next(items) for _ in row] for row in like]
