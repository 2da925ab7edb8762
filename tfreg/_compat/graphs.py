"""Functions as graphs, and what many graphs leave behind."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf
from tensorflow.compiler.jit.ops import xla_ops
from tensorflow.core.protobuf.config_pb2 import ConfigProto
from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig
from tensorflow.python.eager import context
from tensorflow.python.framework import ops as tensorflow_ops
from tensorflow.python.ops import control_flow_util

from tfreg._compat.backends import on_processors, on_tensorflow

_letting_go = 0
"""How many `graphs_let_go` are open, in whatever thread: each replica has its own."""


_TRACING: dict[str, Any] = {"reduce_retracing": True, "autograph": False}
"""Loops and branches are `keras.ops`: looking for others takes half a second a fit."""


def compiled(function: Any) -> Any:
    """An elementwise function as one loop over memory, by XLA, in graphs without XLA.

    For what computes much on few arrays: XLA on a CPU is slow at matrix products in
    bfloat16, and compiles anew for each shape, which a small function can afford.
    """
    if not on_tensorflow():
        return function
    options = {"jit_compile": True, **_TRACING}
    to_call = tf.function(function, **options)
    # Its own, for a call below a gradient tape adds outputs to what it calls.
    to_launch = tf.function(function, **options)

    def call(*args: Any) -> Any:
        return (launched if _launches() else to_call)(*args)

    def launched(*args: Any) -> Any:
        found = to_launch.get_concrete_function(*args)
        found.add_to_graph(tf.compat.v1.get_default_graph())
        results = xla_ops.xla_launch(
            constants=[],
            args=[x for x in tf.nest.flatten(args) if tf.is_tensor(x)],
            resources=[],
            Tresults=[output.dtype for output in found.outputs],
            function=found,
        )
        for result, output in zip(results, found.outputs):
            result.set_shape(output.shape)
        return tf.nest.pack_sequence_as(found.structured_outputs, results)

    return call


def compiled_in_place(function: Any) -> Any:
    """The same for a function that assigns to variables among its arguments.

    It is called in the ordinary way everywhere: launched, it would write new arrays,
    which takes half as long again.
    """
    if not on_tensorflow():
        return function
    return tf.function(function, jit_compile=True, **_TRACING)


def traced(function: Any) -> Any:
    """A function as a graph, traced once for all shapes of its arguments.

    For loops over many small operations, each of which is slow by itself.
    """
    if not on_tensorflow():
        return function
    return tf.function(function, **_TRACING)


def _launches() -> bool:
    """Whether a compiled function is called by the operation that is called in the end.

    An ordinary call of one gets there, too, but leaves its body behind for every graph
    that it is in (in a fit of two blocks 1.4 MB). Graphs that are exported keep to the
    ordinary call, which all that read them understand; XLA does not know the other.
    """
    return _letting_go > 0 and in_plain_graph()


def in_plain_graph() -> bool:
    """Whether what is called now becomes part of a graph, and not one for XLA."""
    graph = tf.compat.v1.get_default_graph()
    return not (
        tf.executing_eagerly() or control_flow_util.GraphOrParentsInXlaContext(graph)
    )


def outside_xla() -> bool:
    """Whether what is called now is not compiled whole, with shapes known before."""
    return tf.executing_eagerly() or in_plain_graph()


@contextmanager
def optimized_once() -> Iterator[None]:
    """Have TensorFlow go once over each graph that is first called inside.

    It goes twice, and on processors too it looks for ways to a lower peak of memory:
    neither changes a training step's graph any more, and a fit of some hundred texts
    waits for them for a twentieth of its time.
    """
    if not on_tensorflow():
        yield
        return
    here = context.context()
    before = here.function_call_options
    config = ConfigProto.FromString(before.config_proto_serialized)
    rewrites = config.graph_options.rewrite_options
    if rewrites.meta_optimizer_iterations == RewriterConfig.DEFAULT_NUM_ITERS:
        rewrites.meta_optimizer_iterations = RewriterConfig.ONE
    usual = rewrites.memory_optimization == RewriterConfig.DEFAULT_MEM_OPT
    if usual and on_processors():
        rewrites.memory_optimization = RewriterConfig.NO_MEM_OPT
    here.function_call_options = context.FunctionCallOptions(
        executor_type=before.executor_type, config_proto=config
    )
    try:
        yield
    finally:
        here.function_call_options = before


def _is_not_of_retracing(record: logging.LogRecord) -> bool:
    return "triggered tf.function retracing" not in record.getMessage()


@contextmanager
def graphs_let_go() -> Iterator[None]:
    """Have the graphs traced inside leave nothing in memory, nor on the screen.

    TensorFlow registers a function for every operation with a gradient of its own, for
    good, and each holds the whole graph it is in: a model's, long after the model is
    gone. What is traced inside must not be differentiated any more after it. And many
    models look to it like one that is traced again and again, of which it warns.
    """
    global _letting_go
    before = frozenset(_kept())
    _letting_go += 1
    tf.get_logger().addFilter(_is_not_of_retracing)
    try:
        yield
    finally:
        _letting_go -= 1
        if not _letting_go:
            tf.get_logger().removeFilter(_is_not_of_retracing)
        let_go_of_graphs(before)


def _kept() -> dict[str, Any]:
    """The functions that TensorFlow keeps for gradients, by name."""
    return tensorflow_ops.gradient_registry._registry


def let_go_of_graphs(but: frozenset[str] = frozenset()) -> None:
    """Have TensorFlow forget the graphs it keeps for gradients of their own.

    Whatever is traced so far must not be differentiated any more.

    Args:
        but: names of functions to keep.
    """
    for name in set(_kept()) - but:
        if name.startswith("CustomGradient-"):
            del _kept()[name]
