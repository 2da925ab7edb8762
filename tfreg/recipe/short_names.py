"""Single numbers that stand for a penalty or an objective: one table for all doors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfreg._checks import InputError, check_number

# The short names of the command line (and of search spaces): name -> (recipe field, the
# class of what it holds, the argument that the number is, help).
SHORT_NAMES: dict[str, tuple[str, str, str, str]] = {
    "l1": (
        *("kernel_regularizer", "L1", "l1"),
        "strength of λ·Σ|w| on the head's kernels",
    ),
    "l2": (
        *("kernel_regularizer", "L2", "l2"),
        "strength of λ·Σw² on the head's kernels",
    ),
    "proximal_l1": (
        *("kernel_regularizer", "tfreg>ProximalL1", "strength"),
        "strength of λ·Σ|w| on the head's kernels, by steps that give exact zeros",
    ),
    "l2sp": (
        *("backbone_regularizer", "tfreg>L2SP", "alpha"),
        "strength of λ·Σ(w−w⁰)² on the pretrained kernels",
    ),
    "fisher_l2sp": (
        *("backbone_regularizer", "tfreg>FisherL2SP", "alpha"),
        "strength of λ·ΣF·(w−w⁰)² on the pretrained kernels, F the Fisher information",
    ),
    "orthogonal": (
        *("backbone_regularizer", "tfreg>Orthogonal", "alpha"),
        "strength of λ·‖WᵀW−I‖² on the pretrained kernels",
    ),
    "spectral": (
        *("backbone_regularizer", "tfreg>Spectral", "alpha"),
        "strength of λ·σ_max(W)² on the pretrained kernels",
    ),
    "group_lasso": (
        *("backbone_regularizer", "tfreg>GroupLasso", "strength"),
        "strength of λ·Σ√|g|·‖w_g‖ over the attention heads",
    ),
    "objective.rdrop": (
        *("objective", "tfreg>RDrop", "weight"),
        "weight of the divergence between two dropout passes",
    ),
    "objective.vat": (
        *("objective", "tfreg>VAT", "weight"),
        "weight of the divergence under the worst small move of the embeddings",
    ),
    "objective.fgm": (
        *("objective", "tfreg>FGM", "weight"),
        "weight of the loss at adversarial embeddings",
    ),
    "objective.confidence_penalty": (
        *("objective", "tfreg>ConfidencePenalty", "weight"),
        "weight of the negative entropy of what is predicted",
    ),
    "objective.focal": (
        *("objective", "tfreg>Focal", "gamma"),
        "γ of the focal loss, by which what is predicted well counts less",
    ),
    "objective.mixup": (
        *("objective", "tfreg>Mixup", "alpha"),
        "α of the Beta distribution by which features and targets are mixed",
    ),
    "objective.freelb": (
        *("objective", "tfreg>FreeLB", "epsilon"),
        "bound on the move of the embeddings over the steps of FreeLB",
    ),
    "objective.sam": (
        *("objective", "tfreg>SAM", "rho"),
        "length of the step uphill before each gradient, over all weights",
    ),
}
PENALTIES = tuple(name for name, row in SHORT_NAMES.items() if row[0] != "objective")


def spelled_out(options: Mapping[str, Any]) -> dict[str, Any]:
    """Recipe fields, from fields and short names; None and 0 of these are none of it.

    Raises:
        InputError: a strength below 0, or one beside the field it is for.

    Example:
        >>> spelled_out({"l2": 0.1})
        {'kernel_regularizer': {'class_name': 'L2', 'config': {'l2': 0.1}}}
    """
    fields = {k: v for k, v in options.items() if k not in SHORT_NAMES}
    short = {k: v for k, v in options.items() if k in SHORT_NAMES and v is not None}
    for name, strength in short.items():
        check_number(name, strength, low=0)
    short = {name: strength for name, strength in short.items() if strength}
    for field in dict.fromkeys(row[0] for row in SHORT_NAMES.values()):
        found = [
            {"class_name": kind, "config": {argument: short[name]}}
            for name, (own, kind, argument, _) in SHORT_NAMES.items()
            if own == field and name in short
        ]
        if found:
            _take(field, found, fields)
    return fields


def _take(field: str, found: list[dict[str, Any]], fields: dict[str, Any]) -> None:
    """Put what short names stand for into its field."""
    if fields.get(field) is not None:
        names = [name for name, row in SHORT_NAMES.items() if row[0] == field]
        raise InputError(f"`{field}` is given twice: by itself and by {names}")
    fields[field] = found[0] if len(found) == 1 else found
