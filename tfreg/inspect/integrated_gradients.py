"""Integrated gradients of a prediction, by word piece."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from tfreg import _compat
from tfreg._checks import InputError
from tfreg.models.passes import EMBEDDINGS

_AT_ONCE = 16  # points of the line in one pass


class Attributions(NamedTuple):
    """What each piece of a row adds to a number a model gives.

    Args:
        pieces: one float a piece, padding included; they add up to value − hidden, but
            for what the sum over the line leaves out.
        value: the number itself.
        hidden: the number where all pieces but the special ones are hidden.
    """

    pieces: np.ndarray
    value: float
    hidden: float

    @property
    def gap(self) -> float:
        """What the pieces' sum lacks of value − hidden."""
        return self.value - self.hidden - float(self.pieces.sum())


def integrated_gradients(
    model: Any,
    x: dict[str, Any],
    hidden_ids: np.ndarray,
    read: Callable[[Any], Any],
    steps: int,
) -> Attributions:
    """(e − e⁰)·∫₀¹ ∇f(e⁰ + t(e − e⁰)) dt at the embeddings e, summed over their width.

    The integral is the mean of ``steps`` points, at the middles of equal parts. The
    embeddings are those that enter the first block: with positions and layer norm.

    Args:
        model: a tfreg model.
        x: one row, as the model takes it.
        hidden_ids: the token ids of e⁰, which stands for a text that says nothing.
        read: f: one number a row, from the model's outputs.
        steps: points on the line.

    Raises:
        InputError: an encoder without a layer after its embeddings, or another backend
            than TensorFlow.

    Sundararajan et al. (2017), "Axiomatic Attribution for Deep Networks", equations 1
    and 3.
    """
    if not _compat.on_tensorflow():
        raise InputError("integrated gradients need Keras's TensorFlow backend")
    if EMBEDDINGS not in [layer.name for layer in model.backbone.layers]:
        raise InputError(
            f"{type(model.backbone).__name__} has no layer {EMBEDDINGS!r} to take "
            "gradients at"
        )
    layer = model.backbone.get_layer(EMBEDDINGS)
    end, value = _embedded(model, x, layer, read)
    start, hidden = _embedded(model, {**x, "token_ids": hidden_ids}, layer, read)
    total = np.zeros(end.shape[1:])
    for part in np.array_split(np.arange(steps), -(-steps // _AT_ONCE)):
        shares = ((part + 0.5) / steps).astype("float32")[:, None, None]
        rows = {name: np.repeat(ids, len(part), axis=0) for name, ids in x.items()}
        points = ops.convert_to_tensor(start + shares * (end - start))

        def numbers(points: Any, rows: Any = rows) -> tuple[Any, Any]:
            def moved(own: Any) -> Any:
                return ops.cast(points, own.dtype)

            with _compat.rerouted(layer, after=moved):
                found = read(model(rows, training=False))
            return found, ops.sum(found)

        _, (slopes,) = _compat.inner_gradients(numbers, [points])
        total += ops.convert_to_numpy(slopes).astype("float64").sum(axis=0)
    pieces = ((end - start)[0] * total / steps).sum(axis=-1)
    return Attributions(pieces, value, hidden)


def _embedded(
    model: Any, x: dict[str, Any], layer: Any, read: Callable[[Any], Any]
) -> tuple[np.ndarray, float]:
    """A row's embeddings, and the number read from it."""
    seen = []

    def keep(embeddings: Any) -> Any:
        seen.append(ops.convert_to_numpy(ops.cast(embeddings, "float32")))
        return embeddings

    with _compat.rerouted(layer, after=keep):
        found = read(model(x, training=False))
    return seen[0], float(ops.convert_to_numpy(found)[0])
