from __future__ import annotations

import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf

from tests.backbones import KINDS, tiny
from tfreg import _compat, layers
from tfreg.adapt.lean import make_lean

IDS = np.array([[2, 5, 9, 3, 0, 0], [2, 7, 7, 8, 9, 3]])


def inputs_of(backbone):
    given = {"token_ids": IDS, "padding_mask": (IDS > 0).astype("int32")}
    if "segment_ids" in backbone.input:
        given["segment_ids"] = np.zeros_like(IDS)
    return given


def run(backbone, training=False):
    found = backbone(inputs_of(backbone), training=training)
    found = found["sequence_output"] if isinstance(found, dict) else found
    return keras.ops.cast(found, "float32")


def gradients(backbone):
    weights = [weight.value for weight in backbone.trainable_variables]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.sin(run(backbone)))
    found = tape.gradient(loss, weights)
    return [None if g is None else tf.convert_to_tensor(g).numpy() for g in found]


@pytest.mark.parametrize("kind", KINDS)
def test_same_outputs_and_gradients(kind):
    backbone = tiny(kind)
    before, slopes = run(backbone).numpy(), gradients(backbone)
    paths = [weight.path for weight in backbone.weights]
    make_lean(backbone)
    np.testing.assert_allclose(run(backbone), before, rtol=1e-4, atol=1e-5)
    for found, expected in zip(gradients(backbone), slopes):
        assert (found is None) == (expected is None)
        if found is not None:
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    assert [weight.path for weight in backbone.weights] == paths


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_exchanged(kind):
    backbone = tiny(kind)
    make_lean(backbone)
    inner = _compat.nested_layers(backbone)
    for cls in (
        *(keras.layers.Dense, keras.layers.EinsumDense),
        *(keras.layers.LayerNormalization, keras.layers.MultiHeadAttention),
        keras_hub.layers.TransformerEncoder,
    ):
        assert not [layer.path for layer in inner if type(layer) is cls]
    for _, dropout in _compat.dropouts([backbone]):
        dropout = getattr(dropout, "_dropout_layer", dropout)
        assert isinstance(dropout, layers.Dropout)


def test_the_embedding_gradient_is_summed_in_float32():
    """Many small pulls on one row vanish when bfloat16 adds them up."""
    backbone = tiny("bert", dtype="mixed_bfloat16")
    make_lean(backbone)
    table = backbone.token_embedding.embeddings.value
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(run(backbone) ** 2)
    gradient = tape.gradient(loss, table)
    assert isinstance(gradient, tf.IndexedSlices) and gradient.dtype == tf.float32


def test_dropout_still_acts():
    backbone = tiny("bert", dropout=0.1)
    make_lean(backbone)
    first, second = (run(backbone, training=True).numpy() for _ in range(2))
    assert np.abs(first - second).max() > 1e-3
