"""Penalties whose strength changes while a model trains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from tfreg.regularizers.combined import Multiple, Sum
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


def parts(regularizer: Any) -> list[tuple[Any, float]]:
    """The penalties that act in one, and what each is multiplied by now.

    Example:
        >>> from tfreg.regularizers import L2, L2SP, Multiple
        >>> both = Sum([L2(1.0), Multiple(L2SP(), 3.0)])
        >>> [(type(penalty).__name__, factor) for penalty, factor in parts(both)]
        [('L2', 1.0), ('L2SP', 3.0)]
    """
    if isinstance(regularizer, Sum):
        return [part for one in regularizer.regularizers for part in parts(one)]
    factor = 1.0
    if isinstance(regularizer, Live):
        factor = float(ops.convert_to_numpy(product(regularizer.factors)))
    elif isinstance(regularizer, Multiple):
        factor = regularizer.factor
    else:
        return [(regularizer, factor)]
    return [(penalty, f * factor) for penalty, f in parts(regularizer.regularizer)]
