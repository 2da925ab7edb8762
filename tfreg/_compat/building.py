"""Encoders built to be read into, without the random numbers they would start as."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras.src.initializers.random_initializers import RandomInitializer

_here = threading.local()
"""``weights``: what this thread has left undrawn, where it is inside `undrawn`."""


@contextmanager
def undrawn() -> Iterator[list[tuple[Any, Callable[[], None]]]]:
    """Have weights of a random start begin as zeros, inside.

    Drawing numbers that a checkpoint replaces is half of what an encoder takes to
    build.

    Yields:
        Those weights, each with what draws its start after all.
    """
    keras.Variable._initialize_with_initializer = _initialize
    before = getattr(_here, "weights", None)
    _here.weights = []
    try:
        yield _here.weights
    finally:
        _here.weights = before


_keras_initialize = keras.Variable._initialize_with_initializer


def _initialize(variable: Any, initializer: Any) -> None:
    """Keras's method; in other threads, and outside, nothing else."""
    left = getattr(_here, "weights", None)
    if left is None or not isinstance(initializer, RandomInitializer):
        _keras_initialize(variable, initializer)
        return

    def draw() -> None:
        variable.assign(initializer(variable.shape, dtype=variable.dtype))

    left.append((variable, draw))
    _keras_initialize(variable, keras.initializers.Zeros())
