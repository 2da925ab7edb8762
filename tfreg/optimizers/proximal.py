"""Optimisers that end each step with the proximal step of their weights' penalties."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from tfreg import _compat
from tfreg.functional.proximal import soft_threshold


class ProximalSteps(keras.optimizers.Optimizer):
    """What makes an optimiser of Keras end its steps with proximal ones.

    Put it in front of the optimiser's class. Penalties are found on the weights
    (`regularizer.proximal`), so that nothing has to be told twice.
    """

    proximal_sets: Sequence[Any] = ()
    """Penalties on several weights with a `shrink(rates)`, given by the model."""

    def metric(self, variable: Any) -> Any:
        """What a step on a weight is divided by: 1 for plain gradient steps."""
        return 1.0

    def rate_of(self, rate: Any) -> Callable[[str], Any]:
        """The learning rate of the weight at a path, in a step whose rate is known."""
        return lambda path: rate

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        super().update_step(gradient, variable, learning_rate)
        strength = proximal_strength(_compat.keras_variable(self, variable).regularizer)
        if strength:
            threshold = ops.cast(learning_rate, "float32") * strength
            value = ops.convert_to_tensor(variable)
            threshold = ops.cast(threshold / self.metric(variable), value.dtype)
            variable.assign(soft_threshold(value, threshold))

    def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
        rate = ops.convert_to_tensor(self.learning_rate)
        done = super().apply(grads, trainable_variables)
        for penalty in self.proximal_sets:
            penalty.shrink(self.rate_of(rate))
        return done


def proximal_strength(regularizer: Any) -> float:
    """λ of the proximal penalties in a regulariser, which may be a sum or multiple."""
    if regularizer is None:
        return 0.0
    if getattr(regularizer, "proximal", False):
        return regularizer.strength
    inner = getattr(regularizer, "regularizer", None)
    found = sum(
        map(proximal_strength, (*getattr(regularizer, "regularizers", ()), inner))
    )
    # Others' penalties may have a factor too, and it may be a tensor.
    return found and getattr(regularizer, "factor", 1.0) * found


@keras.saving.register_keras_serializable("tfreg")
class SGD(ProximalSteps, keras.optimizers.SGD):
    """Keras's SGD with the proximal steps of `ProximalL1` and `ProximalGroupLasso`.

    Args:
        **kwargs: as for `keras.optimizers.SGD`.

    Example:
        >>> from tfreg.regularizers import ProximalL1
        >>> layer = keras.layers.Dense(1, kernel_regularizer=ProximalL1(0.1))
        >>> lasso = keras.Sequential([layer])
        >>> lasso.compile(SGD(0.1), "mse")
    """
