"""Penalties whose strength changes while a model trains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from tfreg.regularizers.combined import Sum
from tfreg.regularizers.place import is_anchored


class Live(keras.regularizers.Regularizer):
    """A penalty times factors that live in variables: Ω(w) = Ω₁(w)·Π_k f_k.

    A number would be part of the traced step. It is never saved: the model that holds
    the variables attaches it again.

    Args:
        regularizer: Ω₁, as it acts on one weight.
        factors: give the factors now, float32 scalars.

    Example:
        >>> factor = keras.Variable(3.0)
        >>> penalty = Live(keras.regularizers.L2(0.5), [lambda: factor.value])
        >>> float(penalty(keras.ops.array([2.0])))
        6.0
    """

    def __init__(self, regularizer: Any, factors: Sequence[Callable[[], Any]]) -> None:
        self.regularizer = regularizer
        self.factors = tuple(factors)

    @property
    def needs_anchor(self) -> bool:
        """Whether it pulls weights to where they started from."""
        return is_anchored(self.regularizer)

    def __call__(self, x: Any) -> Any:
        return product(self.factors) * ops.cast(self.regularizer(x), "float32")


def product(factors: Sequence[Callable[[], Any]]) -> Any:
    """The product of some factors now."""
    result = ops.ones((), "float32")
    for factor in factors:
        result = result * factor()
    return result


def as_written(regularizer: Any) -> tuple[Any, float]:
    """A penalty without its variables, and what they multiply it by now.

    Of a sum each part has a factor of its own, which is left out.
    """
    if isinstance(regularizer, Sum):
        return Sum([as_written(one)[0] for one in regularizer.regularizers]), 1.0
    if not isinstance(regularizer, Live):
        return regularizer, 1.0
    factor = ops.convert_to_numpy(product(regularizer.factors))
    return regularizer.regularizer, float(factor)
