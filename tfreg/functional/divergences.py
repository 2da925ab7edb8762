"""How far two predictions are apart, and how sure one is, from logits.

Logits have shape (..., C); each function gives a number for each position, of shape
(...), in float32. A divergence is KL(p‖q) + KL(q‖p), of the distributions that two
sets of logits stand for, written as products of differences: no term is negative, and
where p and q are close nothing cancels, as it would between two KLs summed apart.
"""

from __future__ import annotations

from typing import Any

from keras import ops


def softmax_divergence(first: Any, second: Any) -> Any:
    """Σ_c (p_c − q_c)·(log p_c − log q_c), with p and q the softmaxes.

    Example:
        >>> import keras
        >>> even, odd = keras.ops.array([[0.0, 0.0]]), keras.ops.array([[0.0, 1.0]])
        >>> round(float(softmax_divergence(even, odd)[0]), 4)
        0.2311

    Kullback & Leibler (1951), "On Information and Sufficiency", section 2: J(1, 2).
    """
    p, q = (ops.log_softmax(ops.cast(x, "float32"), axis=-1) for x in (first, second))
    return ops.sum((ops.exp(p) - ops.exp(q)) * (p - q), axis=-1)


def sigmoid_divergence(first: Any, second: Any) -> Any:
    """1/C·Σ_c (σ(a_c) − σ(b_c))·(a_c − b_c): each logit is a yes or no of its own.

    The mean over labels, as the cross-entropy of such labels is one.

    Example:
        >>> import keras
        >>> a, b = keras.ops.array([[0.0, 3.0]]), keras.ops.array([[1.0, 3.0]])
        >>> round(float(sigmoid_divergence(a, b)[0]), 4)
        0.1155
    """
    a, b = (ops.cast(x, "float32") for x in (first, second))
    return ops.mean((ops.sigmoid(a) - ops.sigmoid(b)) * (a - b), axis=-1)


def normal_divergence(first: Any, second: Any) -> Any:
    """Σ_c (a_c − b_c)²: the numbers are means of normal distributions of variance 1.

    Example:
        >>> import keras
        >>> float(normal_divergence(keras.ops.array([[3.0]]), [[1.0]])[0])
        4.0
    """
    a, b = (ops.cast(x, "float32") for x in (first, second))
    return ops.sum(ops.square(a - b), axis=-1)


def softmax_entropy(logits: Any) -> Any:
    """−Σ_c p_c·log p_c, with p the softmax; from 0 to log C.

    Example:
        >>> import keras
        >>> round(float(softmax_entropy(keras.ops.array([[5.0, 5.0]]))[0]), 4)
        0.6931

    Shannon (1948), "A Mathematical Theory of Communication", section 6.
    """
    logs = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
    return -ops.sum(ops.exp(logs) * logs, axis=-1)


def sigmoid_entropy(logits: Any) -> Any:
    """1/C·Σ_c −[p_c·log p_c + (1 − p_c)·log(1 − p_c)], with p the sigmoids.

    Example:
        >>> import keras
        >>> round(float(sigmoid_entropy(keras.ops.array([[0.0, 0.0]]))[0]), 4)
        0.6931
    """
    z = ops.cast(logits, "float32")
    # −log p = softplus(−z), and 1 − p swaps the sign of z.
    p = ops.sigmoid(z)
    return ops.mean(p * ops.softplus(-z) + (1.0 - p) * ops.softplus(z), axis=-1)
