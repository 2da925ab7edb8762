"""Weights as they are stored, whatever a layer computes in; numbers beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from keras.src.backend import AutocastScope

from tfreg._compat.backends import on_tensorflow


class Numbers:
    """A few whole numbers, which a traced step reads anew each time.

    Neither weights nor part of what is saved.
    """

    def __init__(self) -> None:
        self._held = tf.Variable([0], trainable=False, dtype="int32", shape=(None,))

    def set(self, numbers: Sequence[int]) -> None:
        """What is read from now on."""
        self._held.assign([*numbers])

    def read(self) -> Any:
        """A tensor of them."""
        return tf.convert_to_tensor(self._held)


def uncast(variable: Any) -> Any:
    """The value of a weight as it is stored.

    Inside a layer of mixed precision a weight is read rounded, and casting it back
    brings nothing back: of w − w⁰ little would be left in bfloat16.
    """
    with AutocastScope(None):
        return variable.value


def held_value(variable: Any) -> Any:
    """What a weight is now, in main memory, to be kept.

    TensorFlow copies there only what changes later: variable and tensor share memory.
    """
    if not on_tensorflow():
        return variable.numpy()
    with tf.device("CPU"):
        return tf.identity(tf.convert_to_tensor(variable.value))
