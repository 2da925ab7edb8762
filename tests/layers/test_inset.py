from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.stats import norm

from tfreg import _compat
from tfreg._checks import InputError
from tfreg.layers import Dense, EinsumDense
from tfreg.layers.inset import Inset, InsetDense, InsetEinsumDense

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(2, 5, 8)).astype("float32")


def filled(layer):
    for weight in layer.weights:
        weight.assign(RANDOM.normal(size=weight.shape))


def in_numpy(inset, x):
    d, d0, u, u0 = (np.array(weight, "float64") for weight in inset.weights)
    hidden = x @ d + d0
    return x + (hidden * norm.cdf(hidden)) @ u + u0


def test_against_numpy():
    layer = Inset(3)
    np.testing.assert_array_equal(layer(X), X)  # U starts as zeros
    filled(layer)
    np.testing.assert_allclose(layer(X), in_numpy(layer, X), rtol=1e-4, atol=1e-4)


def test_the_start():
    layer = Inset(100)
    layer.build((None, 500))
    down, bias, up, other = (np.array(weight) for weight in layer.weights)
    assert 0.008 < down.std() < 0.01 and np.abs(down).max() <= 0.0201
    assert not bias.any() and not up.any() and not other.any()


@pytest.mark.parametrize("kind", [Dense, EinsumDense])
def test_behind_a_projection(kind):
    equation = ("abc,cd->abd", (None, 4)) if kind is EinsumDense else (4,)
    layer = kind(*equation, name="output")
    layer.build(X.shape)
    plain = np.array(layer(X))
    inset = Inset(2, name="adapter")
    cls = InsetDense if kind is Dense else InsetEinsumDense
    _compat.attach(layer, "adapter", inset, cls)
    inset.build((None, None, 4))
    np.testing.assert_array_equal(layer(X), plain)
    filled(inset)
    expected = in_numpy(inset, plain.astype("float64"))
    np.testing.assert_allclose(layer(X), expected, rtol=1e-4, atol=1e-4)
    assert inset.weights[0].path == "output/adapter/down/kernel"
    assert inset.weights[3].path == "output/adapter/up/bias"


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(policy):
    layer = Inset(3, dtype=policy)
    y = layer(X)
    assert y.dtype == policy.removeprefix("mixed_")
    assert {weight.dtype for weight in layer.weights} == {"float32"}


def test_saved(tmp_path):
    inputs = keras.Input((5, 8))
    model = keras.Model(inputs, Inset(3)(inputs))
    filled(model.layers[1])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again.layers[1]) is Inset
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_a_width_that_is_none():
    with pytest.raises(InputError, match="`dim` must be an integer of at least 1"):
        Inset(0)
