"""Nothing that is read changes where padding is left out."""

from __future__ import annotations

import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf

from tests.backbones import KINDS, tiny
from tfreg import _compat
from tfreg.adapt.last_block import answering_first
from tfreg.adapt.lean import make_lean
from tfreg.adapt.real_pieces import on_real_pieces, serves_real_pieces
from tfreg.functional.real_rows import real_rows

IDS = np.array([[2, 5, 9, 3, 0, 0, 0], [2, 7, 7, 8, 9, 9, 3], [2, 3, 0, 0, 0, 0, 0]])
MASK = (IDS > 0).astype("int32")
ROOMS = [15]  # of 21, for 13 real pieces


def lean(kind="bert", **settings):
    backbone = tiny(kind, **settings)
    make_lean(backbone)
    return backbone


def said(backbone, training=True):
    given = {"token_ids": IDS, "padding_mask": MASK}
    if "segment_ids" in backbone.input:
        given["segment_ids"] = np.zeros_like(IDS)
    found = backbone(given, training=training)
    return found["sequence_output"] if isinstance(found, dict) else found


def left_out(backbone, rooms=ROOMS):
    return on_real_pieces(backbone, real_rows(MASK, rooms))


def values_and_gradients(backbone):
    weights = [weight.value for weight in backbone.trainable_variables]
    with tf.GradientTape() as tape:
        y = tf.cast(said(backbone), "float32")
        loss = tf.reduce_sum(tf.sin(y) * MASK[:, :, None])
    slopes = tape.gradient(loss, weights)
    return y.numpy()[MASK > 0], [
        np.zeros(w.shape) if g is None else tf.convert_to_tensor(g).numpy()
        for g, w in zip(slopes, weights)
    ]


def rows_of_products(backbone):
    """How many rows each feed-forward block multiplies in a training pass."""
    seen = []
    first, *_ = keras.tree.flatten(backbone.transformer_layers)
    layer = _compat.encoder_layers(first).intermediate
    call = layer.call

    def spied(x, *args, **kwargs):
        seen.append(int(np.prod(x.shape[:-1])))
        return call(x, *args, **kwargs)

    layer.call = spied
    try:
        said(backbone)
    finally:
        layer.call = call
    return seen[0]


@pytest.mark.parametrize("kind", KINDS)
def test_same_values_and_gradients_of_real_pieces(kind):
    backbone = lean(kind)
    expected, slopes = values_and_gradients(backbone)
    with left_out(backbone):
        found, own_slopes = values_and_gradients(backbone)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    for own, other in zip(own_slopes, slopes):
        np.testing.assert_allclose(own, other, rtol=1e-3, atol=1e-4)


def test_same_in_bfloat16():
    backbone = lean(dtype="mixed_bfloat16")
    expected, slopes = values_and_gradients(backbone)
    with left_out(backbone):
        found, own_slopes = values_and_gradients(backbone)
    np.testing.assert_allclose(found, expected, atol=0.05)
    norm = np.sqrt(sum(np.sum(slope**2) for slope in slopes))
    apart = [np.sum((own - other) ** 2) for own, other in zip(own_slopes, slopes)]
    assert np.sqrt(sum(apart)) < 0.02 * norm


@pytest.mark.parametrize("kind", KINDS)
def test_products_are_smaller(kind):
    backbone = lean(kind)
    assert serves_real_pieces(backbone) == (kind != "deberta")
    if kind != "deberta":
        assert rows_of_products(backbone) == 21
        with left_out(backbone):
            assert rows_of_products(backbone) == 15
        assert rows_of_products(backbone) == 21


def test_over_after_an_error():
    backbone = lean()
    with pytest.raises(ZeroDivisionError), left_out(backbone):
        1 / 0
    assert rows_of_products(backbone) == 21


def test_with_the_first_position_alone():
    backbone = lean()
    expected = said(backbone)[:, 0]
    with answering_first(backbone), left_out(backbone):
        found = said(backbone)
        assert rows_of_products(backbone) == 15
    assert found.shape == (3, 1, 32)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-4, atol=1e-5)


def test_dropout_acts_and_means_are_the_same():
    backbone = lean(dropout=0.2)
    passes = [said(backbone).numpy()[MASK > 0] for _ in range(60)]
    with left_out(backbone):
        own = [said(backbone).numpy()[MASK > 0] for _ in range(60)]
    assert np.abs(own[0] - own[1]).max() > 0.1
    error = np.sqrt((np.var(passes, 0) + np.var(own, 0)) / 60)
    apart = (np.mean(own, 0) - np.mean(passes, 0)) / error
    assert abs(np.mean(apart)) < 0.5 and 0.5 < np.std(apart) < 1.6


def test_an_attention_that_is_not_fused():
    """Then nothing is left out, here or elsewhere."""
    backbone = lean()
    expected = said(backbone).numpy()
    block = backbone.transformer_layers[1]
    query, *_ = _compat.attention_layers(_compat.encoder_layers(block).attention)
    query.activity_regularizer = keras.regularizers.L2(0.1)
    assert not serves_real_pieces(backbone)
    with left_out(backbone):
        found = said(backbone).numpy()
        assert rows_of_products(backbone) == 21
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_block_that_is_normalised_first():
    inputs, mask = keras.Input((7, 8)), keras.Input((7,), dtype="int32")
    block = keras_hub.layers.TransformerEncoder(16, 2, normalize_first=True)
    model = keras.Model([inputs, mask], block(inputs, padding_mask=mask))
    make_lean(model)
    x = keras.random.normal((3, 7, 8), seed=1).numpy()
    expected = model([x, MASK], training=True)
    with left_out(model):
        found = model([x, MASK], training=True)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("given", [{"attention_mask": np.ones((3, 7, 7))}, {}])
def test_a_block_that_may_read_padding(given):
    """Without a padding mask, or with a mask of its own."""
    block = keras_hub.layers.TransformerEncoder(16, 2)
    model = keras.Sequential([keras.Input((7, 8)), block])
    make_lean(model)
    x = keras.random.normal((3, 7, 8), seed=1)
    expected = block(x, training=True, **given)
    with left_out(model):
        found = block(x, training=True, **given)
    np.testing.assert_array_equal(found, expected)


def test_norms_of_other_shapes():
    norm = keras.layers.LayerNormalization()
    model = keras.Sequential([keras.Input((8,)), norm])
    make_lean(model)
    x = keras.random.normal((3, 8), seed=1)
    expected = model(x, training=True)
    with left_out(model):
        np.testing.assert_array_equal(model(x, training=True), expected)


def test_not_in_prediction():
    backbone = lean()
    expected = said(backbone, training=False)
    with left_out(backbone):
        np.testing.assert_array_equal(said(backbone, training=False), expected)
