from __future__ import annotations

import numpy as np
import pytest

from tests.adapt.adapting import layers_of, prepared, run, same_weights, shaken, trained
from tests.backbones import KINDS, tiny
from tfreg._checks import InputError
from tfreg.adapt import Adapter
from tfreg.layers.inset import Inset, InsetDense, InsetEinsumDense
from tfreg.recipe import Recipe
from tfreg.regularizers import L2, L2SP


@pytest.mark.parametrize("kind", KINDS)
def test_the_start_is_the_plain_encoder(kind):
    one, other = same_weights(kind)
    plain, ours = prepared(backbone=one), prepared(backbone=other, adapter=Adapter(4))
    np.testing.assert_allclose(run(ours), run(plain), atol=1e-6)
    blocks = 1 if kind == "albert" else 2
    assert (
        len(layers_of(ours, InsetDense)) == len(layers_of(ours, Inset)) // 2 == blocks
    )
    names = {path.rpartition("/")[2] for path in trained(ours)}
    assert names == {"kernel", "bias", "gamma", "beta"}
    for path in trained(ours):
        assert "/adapter/" in path or path.endswith(("/gamma", "/beta")), path
    before = {w.path for w in one.weights}
    assert {w.path for w in ours.weights if "/adapter/" not in w.path} == before


def test_both_places_count():
    for part in ("attention_output/adapter", "feedforward_output_dense/adapter"):
        backbone = prepared(adapter=Adapter(4))
        start = run(backbone)
        shaken(backbone, part)
        assert np.abs(run(backbone) - start).max() > 1e-2, part


def test_only_blocks_that_train_have_them():
    backbone = prepared(adapter=Adapter(4), freeze=1)
    assert len(layers_of(backbone, InsetEinsumDense)) == 1
    assert all(path.startswith("transformer_layer_1/") for path in trained(backbone))


def test_one_regulariser_is_on_their_kernels():
    backbone = prepared(adapter=Adapter(4), backbone_regularizer=L2(0.1))
    found = {v.path for v in backbone.weights if v.regularizer is not None}
    assert len(found) == 2 * 2 * 2
    assert all(path.endswith(("down/kernel", "up/kernel")) for path in found)


def test_they_cannot_be_anchored_and_a_refused_backbone_is_as_it_was():
    backbone = tiny()
    paths = [weight.path for weight in backbone.weights]
    with pytest.raises(InputError, match="no pretrained value to be anchored at"):
        prepared(backbone=backbone, adapter=Adapter(4), backbone_regularizer=L2SP(1.0))
    assert [weight.path for weight in backbone.weights] == paths
    assert trained(backbone) == set(paths)
    rules = {"*/gamma": L2SP(0.1)}
    prepared(backbone=backbone, adapter=Adapter(4), backbone_regularizer=rules)


def test_they_cannot_be_folded():
    backbone = prepared(adapter=Adapter(4))
    with pytest.raises(InputError, match="adapters cannot be folded"):
        Adapter(4).folded(backbone)


def test_arguments():
    with pytest.raises(
        InputError, match="`dim` must be an integer of at least 1; got 0"
    ):
        Adapter(0)
    again = Recipe.from_json(Recipe(adapter=Adapter(5)).to_json()).adapter
    assert type(again) is Adapter and again.dim == 5
