"""Which weights are penalised, how strongly, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from keras import ops
from rich.console import Console
from rich.table import Table

from tfreg import _compat
from tfreg._checks import InputError
from tfreg.models.feeding import whole_batch
from tfreg.regularizers.live import parts, product
from tfreg.regularizers.scaled import strength_names


class PenaltyRow(NamedTuple):
    """One penalised variable, or one penalty on several of them.

    Args:
        path: of the variable; of a penalty on several, how many they are.
        penalty: the regulariser's class; of a sum all of them, with a plus between.
        strength: its numbers, by the names its config gives them, as they act on this
            variable: at its depth, and now. Of a sum after the class and a point.
        value: Ω(w) now.
        zeros: share of its weights that are exactly zero, in [0, 1]; of a penalty on
            groups, the share of groups that are.
        loss_share: Ω(w) / (data loss + all penalties), in [0, 1]; None without a batch.
        gradient_share: ‖∇Ω‖ / (‖∇Ω‖ + ‖∇data loss‖) on this variable, in [0, 1]: ½
            where both pull equally hard; None without a batch.
    """

    path: str
    penalty: str
    strength: dict[str, float]
    value: float
    zeros: float
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
    penalised = [_of_one(v) for v in model.trainable_variables if v.regularizer]
    penalised += [_of_set(bound) for bound in model.set_penalties.values()]
    values = [float(ops.convert_to_numpy(one.value())) for one in penalised]
    shares: list[tuple[float | None, float | None]] = [(None, None)] * len(penalised)
    if batch is not None and penalised:
        shares = _shares(model, batch, penalised, values)
    rows = [
        PenaltyRow(
            one.path,
            " + ".join(type(penalty).__name__ for penalty, _ in one.parts),
            _strength(one.parts),
            value,
            one.zeros,
            *share,
        )
        for one, value, share in zip(penalised, values, shares)
    ]
    _print(rows, Console(file=file))
    return rows


class _Penalised(NamedTuple):
    path: str
    parts: list[tuple[Any, float]]  # penalties, and the factors on their strengths
    variables: list[Any]
    value: Callable[[], Any]
    zeros: float


def _of_one(variable: Any) -> _Penalised:
    rule = variable.regularizer
    return _Penalised(
        variable.path,
        parts(rule),
        [variable],
        lambda: rule(variable),
        _zeros(variable),
    )


def _of_set(bound: Any) -> _Penalised:
    variables = list(bound.weights.values())
    if bound.norms is None:
        zeros = float(np.mean([_zeros(variable) for variable in variables]))
    else:
        zeros = _zeros(bound.norms())
    path = f"{len(variables)} weights together"
    factor = float(ops.convert_to_numpy(product(bound.factors)))
    return _Penalised(path, [(bound.penalty, factor)], variables, bound, zeros)


def _zeros(values: Any) -> float:
    return float(np.mean(ops.convert_to_numpy(values) == 0))


def _shares(
    model: Any, batch: Any, penalised: list[_Penalised], values: list[float]
) -> list[tuple[float | None, float | None]]:
    x, y, sample_weight = whole_batch(model, batch)
    if y is None:
        raise InputError("`batch` must carry targets: there is no loss without them")

    def data_loss() -> Any:
        return _compat.data_loss(model, y, model(x, training=False), sample_weight)

    variables = {v.path: v for one in penalised for v in one.variables}
    loss, gradients = _compat.value_and_gradients(data_loss, list(variables.values()))
    pulls = dict(zip(variables, gradients))
    total = float(ops.convert_to_numpy(loss)) + sum(values)
    shares: list[tuple[float | None, float | None]] = []
    for one, value in zip(penalised, values):
        _, own = _compat.value_and_gradients(one.value, one.variables)
        ours, theirs = _norm(own), _norm([pulls[v.path] for v in one.variables])
        both = ours + theirs
        shares.append((value / total if total else 0.0, ours / both if both else 0.0))
    return shares


def _norm(gradients: list[Any]) -> float:
    arrays = [ops.convert_to_numpy(g).astype("float64") for g in gradients]
    return float(np.sqrt(sum(np.sum(array**2) for array in arrays)))


def _strength(parts: list[tuple[Any, float]]) -> dict[str, float]:
    if len(parts) == 1:
        return _numbers(*parts[0])
    return {
        f"{type(penalty).__name__}.{name}": value
        for penalty, factor in parts
        for name, value in _numbers(penalty, factor).items()
    }


def _numbers(regularizer: Any, factor: float) -> dict[str, float]:
    """The numbers of a regulariser, as they were given (not as float32 holds them).

    Times the factor, those that are a strength; it is shown by itself if none is.
    """
    config = regularizer.get_config()
    changed = strength_names(regularizer)
    found = {
        name: float(value) * (factor if name in changed else 1.0)
        for name, value in config.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
    if factor != 1.0 and not changed:
        found["factor"] = factor
    return {name: float(f"{value:.7g}") for name, value in found.items()}


def _print(rows: list[PenaltyRow], console: Console) -> None:
    if not rows:
        console.print("no weight is penalised")
        return
    table = Table("weight", "penalty", "strength", "value", "zeros", box=None)
    shared = rows[0].loss_share is not None
    if shared:
        table.add_column("of loss", justify="right")
        table.add_column("of gradient", justify="right")
    for row in rows:
        strength = ", ".join(f"{k}={v:g}" for k, v in row.strength.items())
        zeros = f"{row.zeros:.1%}" if row.zeros else ""
        cells = [row.path, row.penalty, strength, f"{row.value:.4g}", zeros]
        if shared:
            cells += [f"{row.loss_share:.2%}", f"{row.gradient_share:.2%}"]
        table.add_row(*cells)
    total = sum(row.value for row in rows)
    table.add_row("all", "", "", f"{total:.4g}")
    # Paths are long, and a cut path names no weight.
    console.width = max(console.width, 130)
    console.print(table)
