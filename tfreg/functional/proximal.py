"""Proximal steps: the exact minimisers that make weights exactly zero."""

from __future__ import annotations

from typing import Any

from keras import ops

from tfreg.functional.groups import safe_root


def soft_threshold(w: Any, threshold: Any) -> Any:
    """sign(w)·max(|w| − t, 0): argmin over u of ½(u − w)² + t·|u|.

    Example:
        >>> soft_threshold(ops.array([-3.0, 0.5, 2.0]), 1.0).numpy().tolist()
        [-2.0, 0.0, 1.0]
    """
    return ops.sign(w) * ops.maximum(ops.abs(w) - threshold, 0.0)


def group_shrinkage(squares: Any, threshold: Any) -> Any:
    """max(1 − t/‖w_g‖, 0) from ‖w_g‖²: what each group is multiplied by.

    The minimiser over u of ½‖u − w_g‖² + t·‖u‖₂ is w_g times it.

    Example:
        >>> group_shrinkage(ops.array([0.0, 1.0, 16.0]), 2.0).numpy().tolist()
        [0.0, 0.0, 0.5]
    """
    norms = safe_root(squares)
    kept = norms > threshold
    return ops.where(kept, 1.0 - threshold / ops.where(kept, norms, 1.0), 0.0)
