from __future__ import annotations

import keras
import numpy as np
import pytest

from tfreg.layers import LayerNormalization


@pytest.mark.parametrize(
    "settings",
    [
        {"epsilon": 1e-12},
        {"axis": [-1]},
        {"axis": 1},
        {"axis": (1, 2)},
        {"center": False},
        {"scale": False},
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_keras_s_numbers(settings, dtype):
    x = np.random.default_rng(0).normal(2, 3, (3, 4, 5)).astype("float32")
    ours = LayerNormalization(**settings, dtype=dtype)
    theirs = keras.layers.LayerNormalization(**settings, dtype=dtype)
    for layer in (ours, theirs):
        layer.build(x.shape)
        for weight in layer.weights:
            weight.assign(keras.random.normal(weight.shape, 1.0, 0.2, seed=1))
    found, expected = (keras.ops.cast(f(x), "float32") for f in (ours, theirs))
    assert ours(x).dtype == theirs(x).dtype
    tolerance = 1e-5 if dtype == "float32" else 3e-2
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def test_saved(tmp_path):
    inputs = keras.Input((6,))
    model = keras.Model(inputs, LayerNormalization(epsilon=0.1)(inputs))
    model.layers[1].gamma.assign(np.arange(6.0))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(0).normal(size=(2, 6)).astype("float32")
    assert type(again.layers[1]) is LayerNormalization
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
