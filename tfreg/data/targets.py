"""Targets as numbers: the ids of label names, in the order the model keeps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tfreg._checks import InputError

NOT_A_WORD = -1  # the id of what no loss and no metric counts
CONTEXT = -2  # the same, of a word that another row answers for


def check_labels(labels: Sequence[str], task: str) -> tuple[str, ...]:
    """Label names: strings, all different, at least two (one if multi-label)."""
    names = tuple(labels) if isinstance(labels, Iterable) else (labels,)
    if isinstance(labels, str) or not all(isinstance(name, str) for name in names):
        raise InputError(f"`labels` must be a sequence of names; got {labels!r}")
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise InputError(f"`labels` must all differ; {twice[0]!r} is there twice")
    least = 1 if task == "multilabel" else 2
    if len(names) < least:
        raise InputError(f"`labels` must be at least {least} names; got {names!r}")
    return names


def encode_targets(targets: Sequence[Any], task: str, labels: Sequence[str]) -> Any:
    """Targets as arrays: (n,) ids, (n, C) of 0 and 1, (n,) numbers, or a list of ids.

    Class names are looked up in ``labels``. Whole numbers are taken for ids, unless
    the names themselves look like numbers and could be meant; never in multi-label
    targets, where [1, 0, 1] could be two ids or a row of marks.

    Raises:
        InputError: a name that is no label, an id out of range, not a number.
    """
    if task == "regress":
        return _numbers(targets)
    ids = {name: i for i, name in enumerate(labels)}
    if task == "classify":
        return np.array(
            [_id(t, ids, f"y[{i}]") for i, t in enumerate(targets)], "int32"
        )
    if task == "tag":
        return [
            np.array([_id(t, ids, f"y[{i}]") for t in tags], "int32")
            for i, tags in enumerate(targets)
        ]
    hot = np.zeros((len(targets), len(labels)), "float32")
    for i, names in enumerate(targets):
        listed = isinstance(names, Iterable) and not isinstance(names, (str, bytes))
        if not listed or not all(isinstance(name, (str, bytes)) for name in names):
            raise InputError(f"y[{i}] must be a list of label names; got {names!r}")
        for name in names:
            hot[i, _id(name, ids, f"y[{i}]")] = 1.0
    return hot


def class_weights(
    weights: Mapping[Any, float] | None, task: str, labels: Sequence[str]
) -> np.ndarray | None:
    """One weight a label id, from {name: weight}; names left out weigh 1.

    Raises:
        InputError: regression or multi-label, an unknown name, a weight that is
            negative or not finite.
    """
    if weights is None:
        return None
    if task not in ("classify", "tag"):
        raise InputError(f"`class_weight` has no meaning for task {task!r}")
    if not isinstance(weights, Mapping):
        raise InputError(f"`class_weight` must be {{label: weight}}; got {weights!r}")
    ids = {name: i for i, name in enumerate(labels)}
    table = np.ones(len(labels), "float32")
    for name, weight in weights.items():
        if not isinstance(weight, (int, float)) or not 0 <= weight < math.inf:
            raise InputError(
                f"`class_weight[{name!r}]` must be a finite number of at least 0; "
                f"got {weight!r}"
            )
        table[_id(name, ids, "class_weight")] = weight
    return table


def _id(target: Any, ids: Mapping[str, int], where: str) -> int:
    if isinstance(target, bytes):
        target = target.decode("utf-8", "replace")
    if isinstance(target, str):
        if target in ids:
            return ids[target]
        known = ", ".join(repr(name) for name in list(ids)[:8])
        more = ", ..." if len(ids) > 8 else ""
        raise InputError(f"{where}: {target!r} is not one of the labels {known}{more}")
    if isinstance(target, (int, np.integer)) and not isinstance(target, bool):
        if any(name.lstrip("-").isdigit() for name in ids):
            raise InputError(
                f"{where}: the number {target} could be an id or a label's name; "
                "give the name, as a string"
            )
        if 0 <= target < len(ids):
            return int(target)
        raise InputError(f"{where}: the id {target} is not below {len(ids)}")
    raise InputError(f"{where} must be a label name; got {target!r}")


def _numbers(targets: Sequence[Any]) -> np.ndarray:
    try:
        numbers = np.array(targets, "float32").reshape(len(targets))
    except (TypeError, ValueError) as error:
        raise InputError(f"`y` must be one number a text: {error}") from error
    if not np.isfinite(numbers).all():
        bad = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise InputError(f"y[{bad}] must be a finite number; got {targets[bad]!r}")
    return numbers
