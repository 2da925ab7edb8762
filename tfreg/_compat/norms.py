"""Layer normalisation as TensorFlow's optimiser of graphs has oneDNN do it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf
from keras import ops
from tensorflow.python.framework.test_util import IsMklEnabled
from tensorflow.python.util._pywrap_utils import IsDataTypeSupportedByOneDNNOnThisCPU

from tfreg._compat.backends import on_processors
from tfreg._compat.graphs import in_plain_graph

_only_forward = 0
"""How many `only_forward` are open, in whatever thread: each replica has its own."""


class _Here(threading.local):
    only_forward = 0  # how many are open in this thread


_here = _Here()


@contextmanager
def only_forward() -> Iterator[None]:
    """What is traced inside is run in this process, and not differentiated.

    Graphs that are exported are traced outside: not all that read them take a batch
    normalisation in training, as which `fused_norm` writes a layer normalisation.
    """
    global _only_forward
    _only_forward += 1
    _here.only_forward += 1
    try:
        yield
    finally:
        _only_forward -= 1
        _here.only_forward -= 1


def only_predicts_here() -> bool:
    """The same as `only_predicts`, of this thread alone.

    For what has no gradient: a model that trains beside one that predicts needs it.
    """
    return _here.only_forward > 0 and on_processors()


def only_predicts() -> bool:
    """Whether a pass now stays on this machine's processors, and is not of a fit."""
    return _only_forward > 0 and on_processors()


def fuses_norms(dtype: str) -> bool:
    """Whether `fused_norm` is one pass here. Where it is not, it is many."""
    return (
        only_predicts()
        and dtype in ("float32", "bfloat16")
        and IsMklEnabled()
        and IsDataTypeSupportedByOneDNNOnThisCPU(tf.as_dtype(dtype))
        and in_plain_graph()
    )


def lacks_onednn() -> bool:
    """Whether TensorFlow computes on processors, without oneDNN's operations."""
    return on_processors() and not IsMklEnabled()


def fused_norm(x: Any, gamma: Any, beta: Any, epsilon: float) -> Any:
    """Layer normalisation of the rows of a matrix, in its dtype.

    It must be written as Keras 2 wrote it (each row is a channel of a batch
    normalisation) and its shape be that of ``x`` by name: so it is looked for.
    """
    shape = tf.shape(x)
    rows = shape[:1]
    ones, zeros = (tf.fill(rows, value) for value in (1.0, 0.0))
    none = tf.constant([], "float32")
    channels = tf.reshape(x, tf.concat([[1], shape, [1]], 0))
    y = tf.raw_ops.FusedBatchNormV3(
        x=channels,
        scale=ones,
        offset=zeros,
        mean=none,
        variance=none,
        epsilon=epsilon,
        data_format="NCHW",
        is_training=True,
    )[0]
    y = tf.reshape(y, shape) * ops.cast(gamma, x.dtype)
    return y + ops.cast(beta, x.dtype)
