"""Dropout rates of a built backbone: hidden and attention, set apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tfreg import _compat
from tfreg._checks import InputError


def set_dropout(
    backbone: Any, *, hidden: float | None = None, attention: float | None = None
) -> None:
    """Set the dropout rates of a built backbone.

    In training x·m/(1 − rate), each m from Bernoulli(1 − rate); at inference x.

    Args:
        backbone: a KerasHub backbone.
        hidden: rate after the embeddings, attention outputs and feed-forward
            outputs, in [0, 1); None leaves it.
        attention: rate on attention probabilities, in [0, 1); None leaves it.

    Raises:
        InputError: the backbone has no such dropout.

    Example:
        >>> set_dropout(backbone, hidden=0.2, attention=0.0)

    Srivastava et al. (2014), "Dropout: A Simple Way to Prevent Neural Networks from
    Overfitting", section 4, scaled in training.
    """
    dropouts = _compat.dropouts([backbone])
    for name, rate in (("hidden", hidden), ("attention", attention)):
        if rate is None:
            continue
        chosen = [dropout for kind, dropout in dropouts if kind == name]
        if not chosen:
            raise InputError(
                f"`{'backbone' if name == 'hidden' else name}_dropout`: "
                f"{type(backbone).__name__} has no {name} dropout"
            )
        for dropout in chosen:
            _compat.set_dropout_rate(dropout, rate)


def silence(layers: Iterable[Any]) -> None:
    """Turn off all dropout in some layers: frozen features are always the same."""
    for _, dropout in _compat.dropouts(layers):
        _compat.set_dropout_rate(dropout, 0.0)
