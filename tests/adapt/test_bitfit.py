from __future__ import annotations

import numpy as np
import pytest

from tests.adapt.adapting import prepared, run, same_weights, trained
from tests.backbones import KINDS
from tfreg.adapt import BitFit
from tfreg.recipe import Recipe
from tfreg.regularizers import L2SP


@pytest.mark.parametrize("kind", KINDS)
def test_only_biases_train(kind):
    one, other = same_weights(kind)
    plain, ours = prepared(backbone=one), prepared(backbone=other, adapter=BitFit())
    np.testing.assert_array_equal(run(ours), run(plain))
    assert [w.path for w in ours.weights] == [w.path for w in one.weights]
    biases = {path for path in trained(plain) if path.endswith(("/bias", "/beta"))}
    assert trained(ours) == biases and len(biases) >= 10


def test_frozen_blocks_keep_their_biases():
    backbone = prepared(adapter=BitFit(), freeze=1)
    assert all(path.startswith("transformer_layer_1/") for path in trained(backbone))


def test_biases_have_pretrained_values_to_be_anchored_at():
    rules = {"transformer_layer_*/bias": L2SP(0.1)}
    backbone = prepared(adapter=BitFit(), backbone_regularizer=rules)
    assert all(
        (v.regularizer is not None) == ("layer_" in v.path and v.path.endswith("/bias"))
        for v in backbone.trainable_variables
    )


def test_round_trip():
    again = Recipe.from_json(Recipe(adapter=BitFit()).to_json()).adapter
    assert type(again) is BitFit and Recipe(adapter=again) == Recipe(adapter=BitFit())
