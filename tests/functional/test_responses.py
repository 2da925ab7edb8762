"""The derivative of Adam's step is that of its formula, by finite differences."""

from __future__ import annotations

import numpy as np
import pytest

from tfreg.functional.responses import adam_response

BETAS = 0.9, 0.99


def moments(gradients):
    """m and v after some steps, in float64."""
    m = v = np.zeros_like(gradients[0])
    for g in gradients:
        m = BETAS[0] * m + (1 - BETAS[0]) * g
        v = BETAS[1] * v + (1 - BETAS[1]) * g**2
    return m, v


def moved(gradients, epsilon, rate=0.3):
    """w' − w of the last step; epsilon stands beside the root of the plain v."""
    m, v = moments(gradients)
    step = len(gradients)
    scale = rate * np.sqrt(1 - BETAS[1] ** step) / (1 - BETAS[0] ** step)
    return -scale * m / (np.sqrt(v) + epsilon)


@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize("epsilon", [1e-2, 1.0])
def test_finite_differences(steps, epsilon):
    random = np.random.default_rng(steps)
    gradients = list(random.normal(size=(steps, 50)))
    h = 1e-6
    more, less = ([*gradients[:-1], gradients[-1] + sign * h] for sign in (1.0, -1.0))
    expected = (moved(more, epsilon) - moved(less, epsilon)) / (2 * h)
    m, v = (x.astype("float32") for x in moments(gradients))
    found = adam_response(
        gradients[-1].astype("float32"), m, v, steps, 0.3, *BETAS, epsilon
    )
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
    preconditioner = -np.abs(moved([np.ones(1)] * steps, 0.0))  # its order of size
    assert np.abs(found - expected).max() < 1e-3 * abs(preconditioner[0])


def test_a_weight_that_never_had_a_gradient():
    found = adam_response(*np.zeros((3, 2), "float32"), 3, 0.1, *BETAS, 1e-2)
    scale = 0.1 * np.sqrt(1 - 0.99**3) / (1 - 0.9**3)
    np.testing.assert_allclose(found, [-scale * 0.1 / 1e-2] * 2, rtol=1e-5)
