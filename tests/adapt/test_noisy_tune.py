from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.backbones import KINDS, tiny
from tfreg._checks import InputError
from tfreg.adapt.freeze import freeze
from tfreg.adapt.noisy_tune import noisy_tune


def weights(backbone):
    return {v.path: np.array(v, "float64") for v in backbone.trainable_variables}


def disturbed(backbone, strength, seed=0):
    """Each weight before, and its change in units of its own deviation."""
    before = weights(backbone)
    noisy_tune(backbone, strength, seed)
    after = weights(backbone)
    moved = {}
    for path, value in before.items():
        if value.std():
            moved[path] = (after[path] - value).ravel() / value.std()
        else:  # a bias of zeros, or a gamma of ones
            np.testing.assert_array_equal(after[path], value)
    return moved


@pytest.mark.parametrize("kind", KINDS)
def test_the_noise_is_uniform_in_the_scale_of_each_weight(kind):
    moved = disturbed(tiny(kind), 0.15)
    assert len(moved) >= 8
    for path, noise in moved.items():
        assert np.abs(noise).max() < 0.0751, path
        test = stats.kstest(noise, stats.uniform(-0.075, 0.15).cdf)
        assert test.pvalue > 1e-5, path
    together = np.concatenate(list(moved.values()))
    assert together.var() == pytest.approx(0.15**2 / 12, rel=0.05)
    assert together.mean() == pytest.approx(0.0, abs=0.002)


def test_weights_have_noise_of_their_own_and_a_seed_gives_it_again():
    one, same, other = (tiny() for _ in range(3))
    for backbone in (same, other):
        for theirs, ours in zip(backbone.weights, one.weights):
            theirs.assign(ours)
    noises = [disturbed(b, 0.1, s) for b, s in ((one, 1), (same, 1), (other, 2))]
    for path, noise in noises[0].items():
        np.testing.assert_array_equal(noises[1][path], noise)
        assert (noises[2][path] != noise).mean() > 0.9
    query, key = (
        noises[0][f"transformer_layer_0/self_attention_layer/{name}/kernel"]
        for name in ("query", "key")
    )
    assert stats.pearsonr(query, key).pvalue > 1e-4


def test_frozen_weights_and_no_strength():
    backbone = tiny()
    freeze(backbone, 1)
    trained = {id(w) for w in backbone.trainable_variables}
    frozen = [w for w in backbone.weights if id(w) not in trained]
    before = [np.array(w) for w in frozen]
    assert all("transformer_layer_0" not in path for path in disturbed(backbone, 0.5))
    for weight, value in zip(frozen, before):
        np.testing.assert_array_equal(weight, value)
    before = weights(backbone)
    noisy_tune(backbone, 0.0, 0)
    for path, value in weights(backbone).items():
        np.testing.assert_array_equal(value, before[path])
    with pytest.raises(InputError, match="`strength` must be a number"):
        noisy_tune(backbone, -1.0, 0)
