"""Compiled functions in graphs, and what they leave behind."""

from __future__ import annotations

import ctypes
import gc
import logging
from contextlib import nullcontext

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.config_pb2 import ConfigProto
from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig
from tensorflow.python.eager import context

from tests.backbones import tiny, tokenizer
from tfreg import _compat
from tfreg.adapt import Adapter, LoRA
from tfreg.builders import build_classifier
from tfreg.functional.add_norm import add_norm
from tfreg.heads import Bottleneck
from tfreg.objectives import (
    FGM,
    SAM,
    VAT,
    ConfidencePenalty,
    Focal,
    FreeLB,
    Mixup,
    RDrop,
)

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="graphs are TensorFlow's"
)
HEAP = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"


class Heap(ctypes.Structure):
    """What glibc's `mallinfo2` tells."""

    _fields_ = [(name, ctypes.c_size_t) for name in HEAP.split()]


def kilobytes() -> float:
    """Memory in use."""
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = Heap
    heap = mallinfo2()
    return (heap.uordblks + heap.hblkhd) / 2**10


def step(rate: float):
    """Value and gradient of a normalised sum, as a new graph."""

    @tf.function(autograph=False)
    def call(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x
            for _ in range(3):
                y = add_norm(y, x, tf.ones(4), tf.zeros(4), 1e-5, rate, (1, 2))
            loss = tf.reduce_sum(tf.sin(y))
        return loss, tape.gradient(loss, x)

    return call


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_launched_or_called_the_numbers_are_the_same(rate):
    x = tf.constant(np.random.default_rng(0).normal(size=(6, 4)), tf.float32)
    called = step(rate)(x)
    with _compat.graphs_let_go():
        traced = step(rate)
        launched = traced(x)
    operations = {
        operation.type
        for operation in traced.get_concrete_function(x).graph.get_operations()
    }
    assert "XlaLaunch" in operations
    for one, other in zip(called, launched):
        np.testing.assert_array_equal(one, other)
        assert one.shape == other.shape


def test_launched_after_a_call_below_a_tape():
    """Where no gradient is known, the call's own is taken, and its body changes."""
    double = _compat.compiled(lambda x: (x * 2.0, tf.exp(x)))
    x = tf.ones((6, 4))

    @tf.function(autograph=False)
    def slope():
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(double(x)[1])
        return tape.gradient(loss, x)

    np.testing.assert_allclose(slope(), np.full((6, 4), np.e), rtol=1e-6)
    with _compat.graphs_let_go():
        twice, _ = tf.function(lambda: double(x))()
    np.testing.assert_array_equal(twice, np.full((6, 4), 2.0))


def test_inside_of_xla_the_call_is_an_ordinary_one():
    x = tf.constant(np.random.default_rng(0).normal(size=(6, 4)), tf.float32)
    with _compat.graphs_let_go():
        loss, slope = tf.function(step(0.5), jit_compile=True)(x)
    wanted = step(0.5)(x)
    np.testing.assert_allclose(loss, wanted[0], rtol=1e-6)
    np.testing.assert_allclose(slope, wanted[1], rtol=1e-5, atol=1e-6)


def test_eagerly_the_call_is_an_ordinary_one():
    x = tf.constant([[1.0, 3.0]])
    with _compat.graphs_let_go():
        y = add_norm(x, x, tf.ones(2), tf.zeros(2), 1e-12)
    np.testing.assert_allclose(y, [[-1.0, 1.0]])


def test_graphs_are_optimized_once_inside():
    def settings():
        options = context.context().function_call_options
        config = ConfigProto.FromString(options.config_proto_serialized)
        rewrites = config.graph_options.rewrite_options
        return rewrites.meta_optimizer_iterations, rewrites.memory_optimization

    before = settings()
    with pytest.raises(KeyError), _compat.optimized_once():
        assert settings() == (RewriterConfig.ONE, RewriterConfig.NO_MEM_OPT)
        raise KeyError
    assert settings() == before == (0, 0)  # TensorFlow's own, which are two and some


def test_no_warning_of_many_graphs():
    """The second half is the trap: without a warning there is nothing to leave out."""
    said = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())
    tf.get_logger().addHandler(handler)
    # TensorFlow warns twice of a place, and then no more.
    functions = [tf.function(tf.sin), tf.function(tf.cos)]
    found = []
    try:
        for function, world in zip(functions, (_compat.graphs_let_go, nullcontext)):
            with world():
                for width in range(12):
                    function(tf.ones(width))
                tf.get_logger().warning("another")
            found.append(list(said))
            said.clear()
    finally:
        tf.get_logger().removeHandler(handler)
    assert found[0] == ["another"]
    assert "retracing" in found[1][0] and found[1][-1] == "another"


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="needs glibc 2.33's mallinfo2"
)
@pytest.mark.parametrize("launches, least, most", [(True, -9, 9), (False, 40, 1e9)])
def test_memory_of_graphs_that_are_gone(launches, least, most, monkeypatch):
    """The second case is the trap: when it fails, calls may be ordinary ones again."""
    if not launches:
        monkeypatch.setattr("tfreg._compat.graphs._launches", lambda: False)
    x = tf.ones((6, 4))
    grown = []
    for _ in range(24):
        before = kilobytes()
        with _compat.graphs_let_go():
            step(0.5)(x)
        gc.collect()
        grown.append(kilobytes() - before)
    # Caches fill at first, and later now and then.
    assert least < np.median(grown[8:]) < most


FIELDS = [
    {"objective": [RDrop(1.0), VAT(1.0)], "word_dropout": 0.1, "ema": 0.9},
    *(
        pytest.param(fields, marks=pytest.mark.slow)
        for fields in (
            {"objective": SAM(), "adapter": LoRA(), "layer_decay": 0.9},
            {"objective": [FGM(), ConfidencePenalty()]},
            {"objective": FreeLB(), "mixout": 0.5},
            {"objective": Mixup(), "gradient_accumulation_steps": 2},
            {"head": Bottleneck(), "embedding_noise": 0.1},
            {"head": "projection", "multi_sample_dropout": 3, "dropconnect": 0.1},
            {"objective": Focal(), "adapter": Adapter(4)},
            {"precision": "bfloat16", "freeze": 1, "anchor_decay": 0.1},
        )
    ),
]


@pytest.mark.parametrize("fields", FIELDS)
def test_a_fit_is_the_same_inside(fields):
    bfloat16 = fields.get("precision") == "bfloat16"

    def fitted():
        keras.utils.set_random_seed(0)
        model = build_classifier(
            tiny(dropout=0.1, dtype="mixed_bfloat16" if bfloat16 else None),
            ("neg", "pos"),
            tokenizer=tokenizer(),
            sequence_length=16,
            batch_size=4,
            epochs=1,
            kernel_regularizer=keras.regularizers.L2(0.1),
            **fields,
        )
        model.fit(["good movie", "bad"] * 6, ["pos", "neg"] * 6, verbose=0)
        return [np.asarray(weight.value) for weight in model.weights]

    with _compat.graphs_let_go():
        inside = fitted()
    for mine, theirs in zip(inside, fitted()):
        np.testing.assert_array_equal(mine, theirs)
