from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from tfreg.functional.proximal import group_shrinkage, soft_threshold


@pytest.mark.parametrize("w", [-3.0, -0.4, 0.0, 0.7, 2.0])
def test_soft_threshold_is_the_minimiser(w):
    found = optimize.minimize_scalar(lambda u: 0.5 * (u - w) ** 2 + 0.7 * abs(u))
    assert float(soft_threshold(np.float32(w), 0.7)) == pytest.approx(found.x, abs=1e-6)


def test_group_shrinkage_is_the_minimiser():
    for w in np.random.default_rng(0).normal(size=(5, 3)):
        found = optimize.minimize(
            lambda u, w=w: 0.5 * ((u - w) ** 2).sum() + 1.2 * np.sqrt((u**2).sum()),
            w,
            method="Nelder-Mead",
            options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 5000},
        )
        factor = float(group_shrinkage(np.float32((w**2).sum()), 1.2))
        np.testing.assert_allclose(w * factor, found.x, atol=1e-4)
