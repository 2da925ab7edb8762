from __future__ import annotations

import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf

from tfreg import _compat
from tfreg.adapt.lean import make_lean
from tfreg.layers import LayerNormalization, TransformerEncoder

X = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")
MASK = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], "int32")


def filled(lean, **settings):
    inputs, mask = keras.Input((5, 8)), keras.Input((5,), dtype="int32")
    block = keras_hub.layers.TransformerEncoder(16, 2, **settings)
    model = keras.Model([inputs, mask], block(inputs, padding_mask=mask))
    if lean:
        make_lean(model)
        assert type(block) is TransformerEncoder
    for seed, weight in enumerate(model.trainable_variables):
        weight.assign(keras.random.normal(weight.shape, 0.5, 0.3, seed=seed))
    return model


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("settings", [{}, {"dropout": 0.0}, {"normalize_first": True}])
def test_kerashub_s_numbers_and_gradients(training, settings):
    found = []
    for lean in (True, False):
        model = filled(lean, **settings)
        weights = [weight.value for weight in model.trainable_variables]
        with tf.GradientTape() as tape:
            y = model([X, MASK], training=training)
            total = tf.reduce_sum(tf.sin(y))
        found.append([y, *tape.gradient(total, weights)])
    for ours, theirs in zip(*found):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=3e-5)


def test_both_dropouts_act():
    """Each of the two by itself: the mean over masks is near, single ones are not."""
    for which in (0, 1):
        model = filled(True, dropout=0.3)
        block = model.layers[-1]
        inner = _compat.encoder_layers(block)
        inner.dropouts[1 - which].rate = 0.0
        _compat.set_dropout_rate(inner.attention, 0.0)
        first, second = (model([X, MASK], training=True).numpy() for _ in range(2))
        assert np.abs(first - second).max() > 1e-2


def test_attention_scores_are_kerashub_s():
    ours, theirs = (filled(lean).layers[-1] for lean in (True, False))
    found = [block(X, return_attention_scores=True)[1] for block in (ours, theirs)]
    np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-6)


def test_a_norm_of_another_class_is_called():
    class Louder(LayerNormalization):
        def call(self, inputs):
            return 2 * super().call(inputs)

    model = filled(True)
    plain = model([X, MASK]).numpy()
    _compat.encoder_layers(model.layers[-1]).norms[1].__class__ = Louder
    again = keras.Model(model.inputs, model.layers[-1].output)
    np.testing.assert_allclose(again([X, MASK]), 2 * plain, rtol=1e-5)


def test_saved(tmp_path):
    inputs = keras.Input((5, 8))
    model = keras.Model(inputs, TransformerEncoder(16, 2)(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again.layers[1]) is TransformerEncoder
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
