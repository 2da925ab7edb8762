"""Which weights are penalised, how strongly, and what it costs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from keras import ops
from rich.console import Console
from rich.table import Table

from tfreg import _compat
from tfreg._checks import InputError
from tfreg.models.feeding import whole_batch


class PenaltyRow(NamedTuple):
    """One penalised variable.

    Args:
        path: of the variable.
        penalty: the regulariser's class.
        strength: its numbers, by the names its config gives them.
        value: Ω(w) now.
        loss_share: Ω(w) / (data loss + all penalties), in [0, 1]; None without a batch.
        gradient_share: ‖∇Ω‖ / (‖∇Ω‖ + ‖∇data loss‖) on this variable, in [0, 1]: ½
            where both pull equally hard; None without a batch.
    """

    path: str
    penalty: str
    strength: dict[str, float]
    value: float
    loss_share: float | None = None
    gradient_share: float | None = None


def penalty_report(
    model: Any, batch: Any = None, *, file: Any = None
) -> list[PenaltyRow]:
    """Print and return what every penalised variable costs.

    Args:
        model: a tfreg model.
        batch: `Examples`, or (x, y) as for `fit`: all of it is taken as one batch,
            with dropout off. With it, shares of the loss and of the gradient.
        file: where to print; standard output by default.

    Returns:
        One `PenaltyRow` a variable, in the order of the model; empty if nothing is
        penalised.

    Raises:
        InputError: a batch without targets.

    Example:
        >>> penalty_report(model)
        no weight is penalised
        []
    """
    variables = [v for v in model.trainable_variables if v.regularizer is not None]
    values = [float(ops.convert_to_numpy(v.regularizer(v))) for v in variables]
    shares: list[tuple[float | None, float | None]] = [(None, None)] * len(variables)
    if batch is not None and variables:
        shares = _shares(model, batch, variables, values)
    rows = [
        PenaltyRow(
            v.path,
            type(v.regularizer).__name__,
            _strength(v.regularizer),
            value,
            *share,
        )
        for v, value, share in zip(variables, values, shares)
    ]
    _print(rows, Console(file=file))
    return rows


def _shares(
    model: Any, batch: Any, variables: list[Any], values: list[float]
) -> list[tuple[float | None, float | None]]:
    x, y, sample_weight = whole_batch(model, batch)
    if y is None:
        raise InputError("`batch` must carry targets: there is no loss without them")

    def data_loss() -> Any:
        return _compat.data_loss(model, y, model(x, training=False), sample_weight)

    loss, pulls = _compat.value_and_gradients(data_loss, variables)
    total = float(ops.convert_to_numpy(loss)) + sum(values)
    shares: list[tuple[float | None, float | None]] = []
    for variable, value, pull in zip(variables, values, pulls):
        _, (own,) = _compat.value_and_gradients(
            lambda v=variable: v.regularizer(v), [variable]
        )
        ours, theirs = _norm(own), _norm(pull)
        both = ours + theirs
        shares.append((value / total if total else 0.0, ours / both if both else 0.0))
    return shares


def _norm(gradient: Any) -> float:
    return float(np.linalg.norm(ops.convert_to_numpy(gradient).astype("float64")))


def _strength(regularizer: Any) -> dict[str, float]:
    """The numbers of a regulariser, as they were given (not as float32 holds them)."""
    return {
        name: float(f"{float(value):.7g}")
        for name, value in regularizer.get_config().items()
        if np.ndim(value) == 0 and not isinstance(value, (str, bool))
    }


def _print(rows: list[PenaltyRow], console: Console) -> None:
    if not rows:
        console.print("no weight is penalised")
        return
    table = Table("weight", "penalty", "strength", "value", box=None)
    shared = rows[0].loss_share is not None
    if shared:
        table.add_column("of loss", justify="right")
        table.add_column("of gradient", justify="right")
    for row in rows:
        strength = ", ".join(f"{k}={v:g}" for k, v in row.strength.items())
        cells = [row.path, row.penalty, strength, f"{row.value:.4g}"]
        if shared:
            cells += [f"{row.loss_share:.2%}", f"{row.gradient_share:.2%}"]
        table.add_row(*cells)
    total = sum(row.value for row in rows)
    table.add_row("all", "", "", f"{total:.4g}")
    # Paths are long, and a cut path names no weight.
    console.width = max(console.width, 130)
    console.print(table)
