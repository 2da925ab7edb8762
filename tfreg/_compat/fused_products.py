"""A product with bias and activation in one operation, which may pack its kernel once.

TensorFlow's optimiser of graphs writes this operation of oneDNN's, too. But the kernels
of a prediction are no constants of its graph, and for others oneDNN leaves the loops
that are fast on AMX, which want kernels in blocks: the first feed-forward layer of
minilm takes two and a half times as long, of BERT-base twice (2,520 rows, two cores).
Constants are no way out: TensorFlow copies them a dozen times, of BERT-base 8 GB.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tensorflow.core.framework.attr_value_pb2 import AttrValue
from tensorflow.python.eager.execute import record_gradient
from tensorflow.python.framework.test_util import IsMklEnabled

from tfreg._compat.graphs import in_plain_graph
from tfreg._compat.norms import only_predicts_here

_FUSED = "_MklNativeFusedMatMul"


class _Here(threading.local):
    packing = 0  # how many are open in this thread


_here = _Here()


@cache
def has_amx() -> bool:
    """Whether this processor has tiles for products in bfloat16, and oneDNN is used."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:  # not Linux
        return False
    return "amx_bf16" in flags and IsMklEnabled()


@contextmanager
def packing() -> Iterator[None]:
    """What this thread traces inside keeps the kernels it is given, packed, for good.

    The first call of the graph packs them, and no later call looks at them again: other
    kernels need another graph.
    """
    _here.packing += 1
    try:
        yield
    finally:
        _here.packing -= 1


def fuses_products(x: Any) -> bool:
    """Whether `fused_product` is what is fastest here, and may be used."""
    half = keras.backend.standardize_dtype(x.dtype) == "bfloat16"
    return half and only_predicts_here() and in_plain_graph() and has_amx()


def fused_product(rows: Any, kernel: Any, bias: Any, activation: str = "") -> Any:
    """activation(rows·kernel + bias), rounded once, where `fuses_products`.

    It has no gradient; who asks for one gets a LookupError.

    Args:
        rows, kernel, bias: two matrices and a vector.
        activation: "GeluExact", "GeluApproximate", "Relu", "Tanh"; none by default.
    """
    rows, kernel, bias = map(tf.convert_to_tensor, (rows, kernel, bias))
    fused = [name.encode() for name in ("BiasAdd", activation) if name]
    attributes = {
        "T": AttrValue(type=rows.dtype.as_datatype_enum),
        "num_args": AttrValue(i=1),
        "fused_ops": AttrValue(list=AttrValue.ListValue(s=fused)),
        "is_filter_const": AttrValue(b=_here.packing > 0 and _is_given(kernel)),
        "_kernel": AttrValue(s=b"MklNameChangeOp"),
    }
    made = tf.compat.v1.get_default_graph().create_op(
        _FUSED,
        [rows, kernel, bias],
        [rows.dtype],
        attrs=attributes,
        name="fused_product",  # no name may begin as the operation's does
    )
    # Left alone, a tape takes it for a constant.
    record_gradient(_FUSED, list(made.inputs), (), made.outputs)
    return made.outputs[0]


def _is_given(kernel: Any) -> bool:
    """Whether a graph was given a kernel, and did not compute it, or read it anew."""
    while kernel.op.type == "Reshape":
        kernel = kernel.op.inputs[0]
    return bool(kernel.op.type == "Placeholder")
