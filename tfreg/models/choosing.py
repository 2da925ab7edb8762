"""Letting the task choose which weights train."""

from __future__ import annotations

from typing import Any

from tfreg import _compat
from tfreg.models.fisher import estimate_fisher
from tfreg.optimizers import AdamW


def choose_child(model: Any, x: Any, y: Any = None) -> None:
    """Choose the weights of a task-driven `ChildTuning`, if that is still to be done.

    Args:
        model: a compiled task model.
        x, y: the training data, in the forms that `fit` takes.
    """
    if lacks_child(model):
        optimizer = _compat.inner_optimizer(model.optimizer)
        optimizer.choose_child(estimate_fisher(model, x, y))


def lacks_child(model: Any) -> bool:
    """Whether a task-driven `ChildTuning` has still to choose."""
    optimizer = _compat.inner_optimizer(getattr(model, "optimizer", None))
    if not isinstance(optimizer, AdamW) or optimizer.child_tuning is None:
        return False
    _compat.build_optimizer(model)
    return optimizer.lacks_child
