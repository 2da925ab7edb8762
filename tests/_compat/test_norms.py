from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from tests.functional.test_layer_norm import numpy_layer_norm
from tfreg import _compat
from tfreg.functional.add_norm import add_norm

RANDOM = np.random.default_rng(0)
X, RESIDUAL = RANDOM.normal(1.0, 2.0, (2, 6, 5, 32)).astype("float32")
GAMMA, BETA = RANDOM.normal(1.0, 0.5, (2, 32)).astype("float32")


def graph(dtype="float32", **options):
    """`add_norm` of arrays of all shapes, without training."""

    @tf.function(
        input_signature=[tf.TensorSpec((None, None, 32), dtype)] * 2, **options
    )
    def norm(x, residual):
        return add_norm(x, residual, GAMMA, BETA, 1e-3, training=False)

    return norm


def operations(function, *args):
    """What TensorFlow runs in the end for a function not called before, by type."""
    context.enable_run_metadata()
    function(*args)
    found = context.export_run_metadata().partition_graphs
    context.disable_run_metadata()
    return {node.op for graph in found for node in graph.node}


def fused(dtype="float32"):
    """Whether norms are fused in graphs that are traced now."""
    found = []
    tf.function(lambda: found.append(_compat.fuses_norms(dtype)))()
    return found[0]


@pytest.mark.parametrize(("dtype", "near"), [("float32", 1e-5), ("bfloat16", 0.05)])
def test_one_operation_of_open_shapes(dtype, near):
    """It fails when TensorFlow no longer finds it: then the many steps are faster."""
    x, residual = (keras.ops.cast(value, dtype) for value in (X, RESIDUAL))
    norm = graph(dtype)
    with _compat.only_forward():
        run = operations(norm, x, residual)
        found = norm(x, residual)
        assert not _compat.fuses_norms(dtype)  # not in a graph
        fuses = fused(dtype)
    z = np.asarray(keras.ops.cast(keras.ops.add(x, residual), "float32"))
    expected = numpy_layer_norm(z, GAMMA, BETA, 1e-3)
    np.testing.assert_allclose(
        keras.ops.cast(found, "float32"), expected, rtol=near, atol=near
    )
    assert found.dtype == x.dtype
    if not fuses:
        pytest.skip("this TensorFlow, or this processor, does not use oneDNN")
    assert "_MklLayerNorm" in run and "Rsqrt" not in run


@pytest.mark.parametrize("options", [{}, {"jit_compile": True}])
def test_other_graphs_have_no_batch_normalisation(options):
    """Neither those that may be exported or differentiated, nor what XLA compiles."""
    norm = graph(**options)
    if options:
        with _compat.only_forward():
            traced = norm.get_concrete_function()
    else:
        traced = norm.get_concrete_function()
    assert "FusedBatchNormV3" not in {op.type for op in traced.graph.get_operations()}
    np.testing.assert_allclose(
        norm(X, RESIDUAL),
        numpy_layer_norm(X + RESIDUAL, GAMMA, BETA, 1e-3),
        atol=1e-5,
    )


def test_over_after_an_error():
    with pytest.raises(ZeroDivisionError), _compat.only_forward():
        1 / 0
    assert not fused()
