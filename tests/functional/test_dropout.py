from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tfreg.functional.dropout import chosen, dropout, random_bits


def numpy_bits(count, seed, counter):
    """The generator again, in Python's unbounded integers."""

    def mixed(x):
        x = (x ^ (x >> 16)) * 0x85EBCA6B & 0xFFFFFFFF
        x = (x ^ (x >> 13)) * 0xC2B2AE35 & 0xFFFFFFFF
        return x ^ (x >> 16)

    start = mixed(seed ^ mixed((counter + 0x9E3779B9) & 0xFFFFFFFF))
    gamma = mixed((start + counter) & 0xFFFFFFFF) | 1
    return [mixed((start + gamma * i) & 0xFFFFFFFF) for i in range(count)]


def bits(count, *key):
    return keras.ops.convert_to_numpy(random_bits(count, keras.ops.array(key)))


@pytest.mark.parametrize("key", [(0, 0), (1337, 0), (2**31 - 1, 2**31 - 1)])
def test_bits(key):
    assert bits(1000, *key).tolist() == numpy_bits(1000, *key)


def masks(rate, count=100_000, keys=((0, 0), (0, 1), (1, 0), (7, 1234))):
    ones = keras.ops.ones(count)
    for key in keys:
        yield keras.ops.convert_to_numpy(dropout(ones, rate, key)) == 0


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5, 0.9])
def test_the_rate_is_met(rate):
    for mask in masks(rate):
        assert stats.binomtest(int(mask.sum()), mask.size, rate).pvalue > 1e-4


def test_bits_are_uniform_in_every_byte():
    for key in ((0, 0), (0, 1), (3, 99)):
        for byte in bits(2**17, *key).view("uint8").reshape(-1, 4).T:
            counts = np.bincount(byte, minlength=256)
            assert stats.chisquare(counts).pvalue > 1e-4


def test_neighbours_are_independent():
    """Runs of equal bits, and columns of a batch, as a mask would show them."""
    for mask in masks(0.5):
        for lag in (1, 2, 32, 384, 1024):
            both = int((mask[lag:] == mask[:-lag]).sum())
            assert stats.binomtest(both, mask.size - lag).pvalue > 1e-4, lag


def test_keys_that_follow_one_another_are_independent():
    keys = [(seed, step) for seed in range(4) for step in range(4)]
    found = list(masks(0.5, 20_000, keys))
    for i, first in enumerate(found):
        for second in found[:i]:
            for lag in (0, 1, 7):
                equal = int((first[lag:] == second[: len(second) - lag]).sum())
                assert stats.binomtest(equal, len(first) - lag).pvalue > 1e-6


def test_kept_values_are_scaled_and_the_mean_stays():
    x = np.random.default_rng(0).normal(2, 1, (50, 400)).astype("float32")
    y = keras.ops.convert_to_numpy(dropout(x, 0.2, (1, 2)))
    np.testing.assert_allclose(y[y != 0], x[y != 0] / 0.8, rtol=1e-6)
    assert y.mean() == pytest.approx(x.mean(), abs=0.03)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_the_gradient_has_the_same_mask(dtype):
    x = tf.cast(np.linspace(1, 2, 600).reshape(20, 30), dtype)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = dropout(x, 0.3, (5, 6))
    gradient = tape.gradient(y, x)
    assert y.dtype == gradient.dtype == x.dtype
    kept = keras.ops.convert_to_numpy(tf.cast(y, "float32")) > 0
    expected = tf.cast(tf.constant(np.where(kept, 1 / 0.7, 0.0), "float32"), dtype)
    np.testing.assert_array_equal(
        tf.cast(gradient, "float32"), tf.cast(expected, "float32")
    )


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.9])
def test_a_choice_has_its_rate_and_is_dropout_s(rate):
    like = np.zeros((100, 300), "int32")
    found = keras.ops.convert_to_numpy(chosen(like, rate, (7, 3)))
    assert found.dtype == bool and found.shape == like.shape
    assert stats.binomtest(int(found.sum()), found.size, rate).pvalue > 1e-4
    dropped = dropout(keras.ops.ones(like.shape), rate, (7, 3))
    np.testing.assert_array_equal(found, keras.ops.convert_to_numpy(dropped) == 0)
