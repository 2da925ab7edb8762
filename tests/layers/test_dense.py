from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfreg.functional.gelu import gelu, gelu_new
from tfreg.layers import Dense

X = np.random.default_rng(0).normal(size=(2, 3, 5)).astype("float32")


def filled(cls, **settings):
    layer = cls(4, **settings)
    layer.build(X.shape)
    for seed, weight in enumerate(layer.weights):
        weight.assign(keras.random.normal(weight.shape, seed=seed))
    return layer


@pytest.mark.parametrize("activation", [gelu, gelu_new, "relu", None])
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("training", [True, False])
def test_keras_s_numbers_and_gradients(activation, use_bias, dtype, training):
    settings = {"activation": activation, "use_bias": use_bias, "dtype": dtype}
    found = []
    for cls in (Dense, keras.layers.Dense):
        layer = filled(cls, **settings)
        with tf.GradientTape() as tape:
            y = layer(X, training=training)
            total = tf.reduce_sum(tf.sin(tf.cast(y, "float32")))
        slopes = tape.gradient(total, [weight.value for weight in layer.weights])
        found.append([keras.ops.cast(value, "float32") for value in (y, *slopes)])
        assert y.dtype == layer.compute_dtype
    tolerance = 2e-5 if dtype == "float32" else 0.1
    for ours, theirs in zip(*found):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


def test_saved(tmp_path):
    inputs = keras.Input((3, 5))
    model = keras.Model(inputs, Dense(4, activation=gelu)(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again.layers[1]) is Dense and again.layers[1].activation is gelu
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
