from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfreg import _compat
from tfreg.layers import EinsumDense, SelfAttention
from tfreg.layers.lora import LoRAEinsumDense, LowRank

X = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")
MASK = np.array([[[1, 1, 1, 0, 0]], [[1, 1, 1, 1, 1]]], "int32")


def filled(cls, lean=False, **settings):
    layer = cls(num_heads=2, key_dim=3, **settings)
    layer.build(X.shape, X.shape)
    if lean:
        for dense in (_compat.attention_layers(layer) or ())[:4]:
            dense.__class__ = EinsumDense
    for seed, weight in enumerate(layer.trainable_variables):
        weight.assign(keras.random.normal(weight.shape, seed=seed))
    return layer


@pytest.mark.parametrize("mask", [None, MASK])
@pytest.mark.parametrize("lean", [False, True])
@pytest.mark.parametrize(
    "settings",
    [{}, {"use_bias": False}, {"dropout": 0.3}, {"value_dim": 4}, {"use_gate": True}],
)
def test_keras_s_numbers_and_gradients(mask, lean, settings):
    found = []
    for cls, own in ((SelfAttention, lean), (keras.layers.MultiHeadAttention, False)):
        layer = filled(cls, own, **settings)
        weights = [weight.value for weight in layer.trainable_variables]
        with tf.GradientTape() as tape:
            y = layer(X, X, attention_mask=mask, training=False)
            total = tf.reduce_sum(tf.sin(y))
        found.append([y, *tape.gradient(total, weights)])
    for ours, theirs in zip(*found):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_of_one_sequence_to_another_it_is_keras_s():
    ours, theirs = (
        filled(cls) for cls in (SelfAttention, keras.layers.MultiHeadAttention)
    )
    other = X[:, :3] * 2
    np.testing.assert_array_equal(ours(X, other), theirs(X, other))
    scores = [f(X, X, return_attention_scores=True)[1] for f in (ours, theirs)]
    np.testing.assert_array_equal(*scores)
    causal = [f(X, X, use_causal_mask=True) for f in (ours, theirs)]
    np.testing.assert_array_equal(*causal)


def test_lora_on_a_projection_counts():
    layer = filled(SelfAttention, lean=True)
    query = _compat.attention_layers(layer)[0]
    before = layer(X, X).numpy()
    query.enable_lora(1)
    query.lora_kernel_b.assign(keras.random.normal(query.lora_kernel_b.shape, seed=2))
    assert np.abs(layer(X, X).numpy() - before).max() > 1e-2


def test_lora_s_factors_are_read_beside_the_kernels():
    """In the one product for three they count as they do where layers are called."""
    layer = filled(SelfAttention, lean=True)
    inner = _compat.attention_layers(layer)
    before = layer(X, X).numpy()
    for dense in (inner[0], inner[2], inner[3]):
        output = dense is inner[3]
        inputs, units = (6, 8) if output else (8, 6)
        lora = LowRank(units, 2, 6.0, name="lora")
        _compat.attach(dense, "lora", lora, LoRAEinsumDense)
        lora.build((None, inputs))
    np.testing.assert_array_equal(layer(X, X), before)
    for seed, dense in enumerate((inner[0], inner[2], inner[3])):
        dense.lora.b.assign(keras.random.normal(dense.lora.b.shape, seed=seed))
    for mask in (None, MASK):
        ours = layer(X, X, attention_mask=mask, training=False)
        called = keras.layers.MultiHeadAttention.call(
            layer, X, X, attention_mask=mask, training=False
        )
        np.testing.assert_allclose(ours, called, rtol=1e-4, atol=1e-5)
    assert np.abs(layer(X, X).numpy() - before).max() > 1e-2
    weights = [w.value for dense in (inner[0], inner[2]) for w in dense.lora.weights]
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(tf.sin(layer(X, X)))
    assert all(np.abs(g).max() > 1e-4 for g in tape.gradient(total, weights))


def test_a_projection_of_another_class_is_called():
    class Louder(EinsumDense):
        def call(self, inputs, training=None):
            return 2 * super().call(inputs, training=training)

    layer = filled(SelfAttention, lean=True)
    plain = layer(X, X).numpy()
    _compat.attention_layers(layer)[0].__class__ = Louder
    assert np.abs(layer(X, X).numpy() - plain).max() > 1e-2


def test_dropout_acts_in_training_only():
    layer = filled(SelfAttention, dropout=0.5)
    dropped = [layer(X, X, training=True).numpy() for _ in range(2)]
    assert np.abs(dropped[0] - dropped[1]).max() > 1e-3
    np.testing.assert_array_equal(layer(X, X), layer(X, X, training=False))


def test_saved(tmp_path):
    inputs = keras.Input((5, 8))
    model = keras.Model(inputs, SelfAttention(2, 3)(inputs, inputs))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again.layers[1]) is SelfAttention
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
