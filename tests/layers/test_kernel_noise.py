"""Noise on a kernel reaches every way in which layers read it, in training only."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfreg import _compat
from tfreg.functional.gelu import gelu
from tfreg.layers import Dense, EinsumDense, SelfAttention
from tfreg.layers.kernel_noise import kernel_of

X = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")


def filled(layer):
    for seed, weight in enumerate(layer.trainable_variables):
        weight.assign(keras.random.normal(weight.shape, seed=seed))
    return layer


def dense(activation):
    layer = Dense(4, activation=activation)
    layer.build(X.shape)
    return filled(layer), [layer], lambda training: layer(X, training=training)


def einsum(equation):
    layer = EinsumDense(equation, (None, 2, 3) if "abd" in equation else (3, None))
    layer.build(X.shape)
    return filled(layer), [layer], lambda training: layer(X, training=training)


def attention(place):
    layer = SelfAttention(num_heads=2, key_dim=3)
    layer.build(X.shape, X.shape)
    inner = _compat.attention_layers(layer)
    for part in inner[:4]:
        part.__class__ = EinsumDense
    return filled(layer), [inner[place]], lambda on: layer(X, X, training=on)


MADE = {
    **{f"dense {getattr(a, '__name__', a)}": (dense, a) for a in (gelu, "relu", None)},
    "one product": (einsum, "abc,cde->abde"),
    "an einsum": (einsum, "abc,cd->adb"),
    **{f"attention {place}": (attention, place) for place in range(4)},
}


@pytest.mark.parametrize("name", MADE)
def test_noise_is_what_another_kernel_would_be(name):
    make, argument = MADE[name]
    _, (noisy,), run = make(argument)
    plain = run(False)
    noisy.kernel_noise = lambda kernel: 3.0 * kernel + 0.5
    np.testing.assert_array_equal(run(False), plain)
    found = run(True)
    noisy.kernel_noise = None
    noisy.kernel.assign(3.0 * noisy.kernel + 0.5)
    np.testing.assert_allclose(found, run(True), rtol=1e-5, atol=1e-5)
    assert np.abs(np.asarray(found) - np.asarray(plain)).max() > 1e-2


class Reader(Dense):
    """Says what it reads of its kernel, cast to float32."""

    def call(self, inputs, training=None):
        if training:
            return keras.ops.cast(_compat.uncast(self.kernel), "float32")
        return keras.ops.cast(self.kernel, "float32")


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_noise_sees_the_kernel_in_full(policy):
    exact = 1.0 + 2.0**-14
    layer = Dense(1, use_bias=False, dtype=policy, kernel_initializer="ones")
    layer.build((None, 1))
    layer.kernel.assign([[exact]])
    layer.kernel_noise = lambda kernel: (kernel - 1.0) * 2.0**14
    found = layer(np.ones((1, 1), "float32"), training=True)
    assert keras.backend.standardize_dtype(found.dtype) == layer.compute_dtype
    assert float(found[0, 0]) == 1.0
    noisy = kernel_of(layer, True)
    assert keras.backend.standardize_dtype(noisy.dtype) == layer.compute_dtype
    assert kernel_of(layer, False) is layer.kernel


def test_keras_still_rounds_what_it_reads():
    """When this fails, `_compat.uncast` can be a plain cast."""
    layer = Reader(1, use_bias=False, dtype="mixed_bfloat16")
    layer.build((None, 1))
    layer.kernel.assign([[1.0 + 2.0**-14]])
    x = np.ones((1, 1), "float32")
    assert float(layer(x)[0, 0]) == 1.0
    assert float(layer(x, training=True)[0, 0]) == 1.0 + 2.0**-14
