"""Decay to an anchor against its formula, in NumPy."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfreg._checks import InputError
from tfreg.optimizers import AdamW


def pair():
    """A weight that will have an anchor, one that will not, and the anchor."""
    random = np.random.default_rng(3)
    held = keras.Variable(random.normal(size=(3, 4)).astype("float32"), name="held")
    free = keras.Variable(random.normal(size=5).astype("float32"), name="free")
    anchor = keras.Variable(random.normal(size=(3, 4)).astype("float32"), name="anchor")
    return held, free, anchor


def optimizer_of(held, anchor, **settings):
    optimizer = AdamW(0.05, **settings)
    optimizer.anchor_at({held.path: anchor})
    return optimizer


def numpy_steps(start, gradients, rate, decay, target, b1=0.9, b2=0.999, eps=1e-8):
    """Decay to the target, then Adam's step."""
    weight = start.astype("float64")
    m, v = np.zeros_like(weight), np.zeros_like(weight)
    for step, gradient in enumerate(np.asarray(gradients, "float64"), start=1):
        weight = weight - rate * decay * (weight - target)
        m = b1 * m + (1 - b1) * gradient
        v = b2 * v + (1 - b2) * gradient**2
        scale = rate * np.sqrt(1 - b2**step) / (1 - b1**step)
        weight = weight - scale * m / (np.sqrt(v) + eps)
    return weight


@pytest.mark.parametrize("amsgrad", [False, True])  # which has Keras's own step
def test_the_anchored_go_there_and_the_others_to_zero(amsgrad):
    held, free, anchor = pair()
    start = np.array(held), np.array(free)
    random = np.random.default_rng(0)
    # Gradients that never fall: then AMSGrad's maximum is Adam's second moment.
    pulls = [np.sort(random.random((5, *w.shape)), 0) for w in (held, free)]
    optimizer = optimizer_of(
        held, anchor, weight_decay=0.2, anchor_decay=0.7, amsgrad=amsgrad
    )
    for step in zip(*pulls):
        optimizer.apply([keras.ops.cast(g, "float32") for g in step], [held, free])
    to = np.array(anchor)
    expected = numpy_steps(start[0], pulls[0], 0.05, 0.7, to)
    np.testing.assert_allclose(held, expected, rtol=1e-4, atol=1e-6)
    expected = numpy_steps(start[1], pulls[1], 0.05, 0.2, 0.0)
    np.testing.assert_allclose(free, expected, rtol=1e-4, atol=1e-6)


def test_it_does_not_depend_on_the_decay_to_zero():
    """Also without weight decay, and for a weight that is left out of it."""
    for settings in ({"weight_decay": 0.0}, {"no_decay": ("*",)}):
        held, free, anchor = pair()
        start = np.array(held), np.array(free)
        optimizer = optimizer_of(held, anchor, anchor_decay=2.0, **settings)
        zeros = [keras.ops.zeros(w.shape) for w in (held, free)]
        optimizer.apply(zeros, [held, free])
        away = start[0] - np.array(anchor)
        np.testing.assert_allclose(held, np.array(anchor) + 0.9 * away, rtol=1e-5)
        np.testing.assert_array_equal(free, start[1])


def test_the_same_pull_whatever_the_gradients_of_a_weight():
    """Unlike a penalty's gradient, which Adam divides by them."""
    moved = []
    for size in (1e-3, 1.0, 1e3):
        held, _, anchor = pair()
        runs = []
        for alpha in (0.0, 1.0):
            weight = keras.Variable(held, name="held")
            optimizer = AdamW(0.05, weight_decay=0.0, anchor_decay=alpha)
            optimizer.anchor_at({weight.path: anchor})
            gradient = keras.ops.full(weight.shape, size)
            optimizer.apply([gradient], [weight])
            runs.append(np.array(weight))
        moved.append(runs[1] - runs[0])
    for one in moved:
        pulled = -0.05 * (np.array(held) - np.array(anchor))
        np.testing.assert_allclose(one, pulled, rtol=1e-3, atol=1e-6)


def test_off_is_plain():
    runs = []
    for anchored in (False, True):
        held, free, anchor = pair()
        optimizer = AdamW(0.05, weight_decay=0.1)
        if anchored:
            optimizer.anchor_at({held.path: anchor})
        optimizer.apply([keras.ops.ones(w.shape) for w in (held, free)], [held, free])
        runs.append(np.array(held))
    np.testing.assert_array_equal(*runs)


def test_the_anchor_is_not_the_optimiser_s():
    held, free, anchor = pair()
    optimizer = optimizer_of(held, anchor, anchor_decay=1.0)
    optimizer.build([held, free])
    assert len(optimizer.variables) == 2 + 2 * 2
    assert not any(variable is anchor for variable in optimizer.variables)


def test_config():
    config = AdamW(anchor_decay=0.25).get_config()
    assert AdamW.from_config(config).anchor_decay == 0.25


def test_errors():
    for value in (-1, np.inf, None, "1"):
        with pytest.raises(InputError, match="`anchor_decay` must be a number"):
            AdamW(anchor_decay=value)
    with pytest.raises(InputError, match="`anchor_decay` needs anchors: build the"):
        AdamW(anchor_decay=1.0).build(list(pair()[:2]))
