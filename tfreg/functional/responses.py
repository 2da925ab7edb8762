"""How a weight moves in one step of an optimiser when its gradient changes."""

from __future__ import annotations

from typing import Any

from keras import ops


def adam_response(
    gradient: Any,
    momentum: Any,
    velocity: Any,
    step: Any,
    rate: Any,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> Any:
    """dw'/dg of one step of Adam, elementwise, the moments before it being constant.

    With w' = w − a·m/(√v + ε), a = η·√(1−β₂ᵗ)/(1−β₁ᵗ), m = β₁·m₋ + (1−β₁)·g and
    v = β₂·v₋ + (1−β₂)·g² (ε beside the uncorrected √v, as in Keras):

        dw'/dg = −a·[(1−β₁)/(√v + ε) − m·(1−β₂)·g/(√v·(√v + ε)²)]

    The first term is the preconditioner. The second is what the step loses by its
    gradient raising v; without it, the first step of Adam would seem to grow with its
    gradient.

    Args:
        gradient: g, of the step.
        momentum, velocity: m and v after the step.
        step: t, counted from 1.
        rate: η.
        beta_1, beta_2, epsilon: as for Keras's Adam.

    Returns:
        A tensor like the gradient; where v is 0 the second term counts as 0.

    Example:
        >>> one = ops.ones(1)
        >>> found = adam_response(one, 0.1 * one, 0.001 * one, 1, 1.0, 0.9, 0.999, 0.0)
        >>> abs(round(float(found[0]), 4))
        0.0
    """
    step = ops.cast(step, "float32")
    scale = rate * ops.sqrt(1.0 - beta_2**step) / (1.0 - beta_1**step)
    root = ops.sqrt(velocity)
    below = root + epsilon
    safe = ops.where(root > 0, root * ops.square(below), ops.ones_like(root))
    bent = ops.where(root > 0, momentum * gradient / safe, ops.zeros_like(root))
    return -scale * ((1.0 - beta_1) / below - (1.0 - beta_2) * bent)
