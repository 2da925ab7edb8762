from __future__ import annotations

from contextlib import nullcontext

import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf

from tests.backbones import KINDS, tiny
from tfreg import _compat
from tfreg.adapt.last_block import answering_at, answering_first, spared_weights
from tfreg.adapt.lean import make_lean
from tfreg.adapt.real_pieces import on_real_pieces
from tfreg.functional.real_rows import real_rows

IDS = np.array([[2, 5, 9, 3, 0, 0], [2, 7, 7, 8, 9, 3]])
SHORTENED = {"bert", "roberta", "distilbert", "electra"}


def said(backbone, training=False):
    """The first position of what a backbone says, its pooled output, all lengths."""
    given = {"token_ids": IDS, "padding_mask": (IDS > 0).astype("int32")}
    if "segment_ids" in backbone.input:
        given["segment_ids"] = np.zeros_like(IDS)
    found = backbone(given, training=training)
    found = found if isinstance(found, dict) else {"sequence_output": found}
    sequence = found["sequence_output"]
    first = [sequence[:, 0], found.get("pooled_output", sequence[:, 0])]
    return keras.ops.cast(keras.ops.stack(first), "float32"), sequence.shape[1]


def gradients(backbone, training=False):
    weights = [weight.value for weight in backbone.trainable_variables]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.sin(said(backbone, training)[0]))
    found = tape.gradient(loss, weights)
    return [
        np.zeros(w.shape) if g is None else tf.convert_to_tensor(g).numpy()
        for g, w in zip(found, weights)
    ]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_same_values_and_gradients_at_the_first_position(kind, training):
    backbone = tiny(kind)
    make_lean(backbone)
    expected, length = said(backbone, training)
    slopes = gradients(backbone, training)
    with answering_first(backbone):
        found, shorter = said(backbone, training)
    with answering_first(backbone):
        own_slopes = gradients(backbone, training)
    assert length == 6
    assert shorter == (1 if kind in SHORTENED else 6)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    for own, other in zip(own_slopes, slopes):
        np.testing.assert_allclose(own, other, rtol=1e-3, atol=1e-4)
    assert said(backbone)[1] == 6  # outside again


def test_an_attention_mask_and_none():
    inputs = keras.Input((4, 8))
    block = keras_hub.layers.TransformerEncoder(16, 2)
    make_lean(keras.Model(inputs, block(inputs)))
    x = keras.random.normal((2, 4, 8), seed=1)
    for mask in (None, np.tril(np.ones((2, 4, 4), "int32"))):
        full = block(x, attention_mask=mask)
        with block.answering_first():
            first = block(x, attention_mask=mask)
        assert first.shape == (2, 1, 8)
        np.testing.assert_allclose(first, full[:, :1], rtol=1e-4, atol=1e-5)


def test_over_after_an_error():
    backbone = tiny()
    make_lean(backbone)
    with pytest.raises(ZeroDivisionError), answering_first(backbone):
        1 / 0
    assert said(backbone)[1] == 6


def test_not_where_more_than_the_last_block_is_put_out():
    backbone = tiny()
    make_lean(backbone)
    backbone.transformer_layers.reverse()
    with answering_first(backbone):
        assert said(backbone)[1] == 6


def test_masks_are_drawn_for_the_first_position():
    """Dropout acts there, and another time otherwise."""
    backbone = tiny(dropout=0.3)
    make_lean(backbone)
    assert _compat.dropouts([backbone])
    with answering_first(backbone):
        one, two = (said(backbone, training=True)[0].numpy() for _ in range(2))
    assert np.abs(one - two).max() > 1e-3


READ = np.array([[1, 1, 0, 1, 0, 0], [1, 0, 0, 1, 1, 0]])


def read_values_and_gradients(backbone, training):
    weights = [weight.value for weight in backbone.trainable_variables]
    given = {"token_ids": IDS, "padding_mask": (IDS > 0).astype("int32")}
    if "segment_ids" in backbone.input:
        given["segment_ids"] = np.zeros_like(IDS)
    with tf.GradientTape() as tape:
        found = backbone(given, training=training)
        found = found["sequence_output"] if isinstance(found, dict) else found
        found = tf.cast(found, "float32")
        loss = tf.reduce_sum(tf.sin(found) * READ[:, :, None])
    slopes = tape.gradient(loss, weights)
    assert found.shape[:2] == IDS.shape
    return found.numpy()[READ > 0], [
        np.zeros(w.shape) if g is None else tf.convert_to_tensor(g).numpy()
        for g, w in zip(slopes, weights)
    ]


@pytest.mark.parametrize("rooms", [None, [9, 11]])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_same_values_and_gradients_where_it_is_read(kind, training, rooms):
    """Also where padding is left out of the other blocks."""
    backbone = tiny(kind)
    make_lean(backbone)
    expected, slopes = read_values_and_gradients(backbone, training)
    real = real_rows(IDS > 0, [11])
    for leaves_out in (nullcontext(), on_real_pieces(backbone, real)):
        with leaves_out, answering_at(backbone, real_rows(READ, rooms)):
            found, own_slopes = read_values_and_gradients(backbone, training)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        for own, other in zip(own_slopes, slopes):
            np.testing.assert_allclose(own, other, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_less_is_multiplied_where_it_can_be(kind):
    backbone = tiny(kind)
    make_lean(backbone)
    assert bool(spared_weights(backbone)) == (kind in SHORTENED)
    if kind in SHORTENED:
        seen = []
        layer = _compat.encoder_layers(backbone.transformer_layers[-1]).intermediate
        with _compat.rerouted(layer, before=lambda x: seen.append(x.shape[0]) or x):
            with answering_at(backbone, real_rows(READ)):
                read_values_and_gradients(backbone, False)
            read_values_and_gradients(backbone, False)
        assert seen == [7, 12]
        with pytest.raises(ZeroDivisionError), answering_at(backbone, real_rows(READ)):
            1 / 0
        assert backbone.transformer_layers[-1].read is None
