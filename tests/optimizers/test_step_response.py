"""What is said of an optimiser's step is what the optimiser does."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfreg._checks import InputError
from tfreg.optimizers import SGD, AdamW, ChildTuning, WarmupDecay
from tfreg.optimizers.step_response import StepResponse

EPSILON = 1e-2  # at which a step depends smoothly on small gradients, too

MAKERS = {
    "sgd": lambda: keras.optimizers.SGD(0.3),
    "momentum": lambda: SGD(0.3, momentum=0.9),
    "nesterov": lambda: keras.optimizers.SGD(0.3, momentum=0.9, nesterov=True),
    "adam": lambda: keras.optimizers.Adam(0.3, epsilon=EPSILON),
    "adamw": lambda: keras.optimizers.AdamW(0.3, weight_decay=0.1, epsilon=EPSILON),
    "ours": lambda: AdamW(0.3, weight_decay=0.1, epsilon=EPSILON),
    "rates": lambda: AdamW(
        WarmupDecay(0.3, total_steps=10),
        multipliers={"w": 0.5},
        epsilon=EPSILON,
    ),
}


def stepped(optimizer, gradients, ask=False):
    """A weight after some steps, and, if asked for, the response of the last one."""
    variable = keras.Variable(np.linspace(-1, 1, 8), name="w")
    optimizer.build([variable])
    response = StepResponse(optimizer, [variable]) if ask else None
    for gradient in gradients:
        known = response.before() if ask else None
        optimizer.apply([keras.ops.convert_to_tensor(gradient.astype("float32"))])
    return np.array(variable, "float64"), response and response.after(known)[0]


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("name", MAKERS)
def test_finite_differences(name, steps):
    gradients = list(np.random.default_rng(0).normal(size=(steps, 8)))
    h = 1e-2
    more, less = (
        stepped(MAKERS[name](), [*gradients[:-1], gradients[-1] + sign * h])[0]
        for sign in (1.0, -1.0)
    )
    _, found = stepped(MAKERS[name](), gradients, ask=True)
    expected = (more - less) / (2 * h)
    np.testing.assert_allclose(
        np.broadcast_to(found, 8), expected, rtol=5e-3, atol=2e-4
    )


def test_clipping_is_a_constant_factor():
    """Where all of a gradient is clipped, its response is so many times smaller."""
    gradients = [np.linspace(1, 2, 8)] * 3
    clip = 0.5 / np.linalg.norm(gradients[0])
    plain = AdamW(0.3, epsilon=EPSILON)
    _, expected = stepped(plain, [clip * g for g in gradients], ask=True)
    _, found = stepped(
        AdamW(0.3, epsilon=EPSILON, global_clipnorm=0.5), gradients, ask=True
    )
    np.testing.assert_allclose(found, clip * np.array(expected), rtol=1e-3)


@pytest.mark.parametrize(
    "optimizer, what",
    [
        (keras.optimizers.RMSprop(), "got RMSprop"),
        (keras.optimizers.Adam(amsgrad=True), "amsgrad"),
        (keras.optimizers.SGD(global_clipnorm=1.0), "one that clips"),
        (AdamW(clipnorm=1.0), "one that clips"),
        (AdamW(child_tuning=ChildTuning(0.5)), "child_tuning"),
    ],
)
def test_what_is_not_known(optimizer, what):
    with pytest.raises(InputError, match=rf"`compile.optimizer=...\)`.*{what}"):
        StepResponse(optimizer, [])
