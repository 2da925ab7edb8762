"""What people pass to `fit`, recognised: lists and arrays of text become examples."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfreg._checks import InputError
from tfreg.data.examples import Examples


def as_examples(x: Any, y: Any, task: str) -> Examples | None:
    """Raw text in memory as `Examples`; None for anything else (data sets, ids).

    Args:
        x: a sequence or array of strings; a pair of those, or a sequence of pairs;
            for taggers a sequence of word lists (or a ragged tensor of them).
        y: one target a text, or one list of tags a sentence; None without.
        task: the model's.

    Raises:
        InputError: text in a shape the task does not take.
    """
    if isinstance(x, Examples):
        if y is not None:
            raise InputError("`y` must be left out: `Examples` carry their targets")
        return x
    if isinstance(x, str):
        raise InputError(f"`x` must be a sequence of texts; got one string {x[:40]!r}")
    x = _plain(x)
    columns = isinstance(x, tuple) and len(x) == 2 and not _is_row(x[0])
    if columns:
        x = tuple(_plain(part) for part in x)
    if not isinstance(x, (list, tuple)):
        return None
    if isinstance(y, (tf.Tensor, tf.RaggedTensor)):
        y = y.to_list() if isinstance(y, tf.RaggedTensor) else y.numpy()
    if isinstance(y, np.ndarray):
        y = y.tolist()
    if not len(x):
        return Examples("words" if task == "tag" else "text", (), y)
    if task == "tag":
        for words in x:
            if not isinstance(words, (list, tuple, np.ndarray)):
                raise InputError(
                    f"`x` must be word lists, one a sentence; got {words!r}"
                )
        return Examples("words", tuple(tuple(_strings(words)) for words in x), y)
    if isinstance(x[0], str):
        return Examples("text", tuple(x), y)
    if columns and _is_column(x[0]):
        a, b = x
        if len(a) != len(b):
            raise InputError(
                f"`x` must be two columns of one length; got {len(a)} and {len(b)}"
            )
        return Examples("pair", tuple(zip(a, b)), y)
    if isinstance(x[0], (list, tuple)) and x[0] and isinstance(x[0][0], str):
        return Examples("pair", tuple(x), y)
    return None


def _plain(x: Any) -> Any:
    """Tensors and arrays of text as (nested) lists of strings."""
    if isinstance(x, tf.RaggedTensor) and x.dtype == tf.string:
        return _decode(x.to_list())
    if isinstance(x, tf.Tensor) and x.dtype == tf.string:
        x = x.numpy()
    return _decode(x) if isinstance(x, np.ndarray) and x.dtype.kind in "OUS" else x


def _is_row(part: Any) -> bool:
    """Whether this is one pair: two texts in a tuple, as `Examples` hold them."""
    return isinstance(part, tuple) and len(part) == 2


def _is_column(part: Any) -> bool:
    return isinstance(part, (list, tuple)) and bool(part) and isinstance(part[0], str)


def _strings(words: Any) -> list[str]:
    return _decode(words) if not isinstance(words, (list, tuple)) else list(words)


def _decode(values: Any) -> list[Any]:
    """Arrays of bytes or strings as (nested) lists of strings."""
    return [
        (
            value.decode("utf-8", "replace")
            if isinstance(value, bytes)
            else (
                str(value)
                if isinstance(value, str)
                else _decode(value) if isinstance(value, (list, np.ndarray)) else value
            )
        )
        for value in values
    ]
