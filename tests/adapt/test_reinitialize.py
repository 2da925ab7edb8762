from __future__ import annotations

import random

import numpy as np
import pytest

from tests.adapt.adapting import prepared, trained
from tests.backbones import tiny
from tfreg._checks import InputError
from tfreg.regularizers import L2, L2SP

KINDS = ("bert", "distilbert", "roberta", "electra", "deberta")


def values(backbone):
    return {weight.path: np.array(weight) for weight in backbone.weights}


def set_apart(kind):
    """An encoder whose every weight is 5: far from any start."""
    backbone = tiny(kind)
    for weight in backbone.weights:
        weight.assign(np.full(weight.shape, 5.0))
    return backbone


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 1, 2])
def test_so_many_blocks_from_the_top_and_the_pooler(kind, count):
    backbone = prepared(backbone=set_apart(kind), reinitialize=count)
    renewed = [f"layer_{n}/" for n in range(2 - count, 2)] + ["pooled_dense/"] * (
        count > 0
    )
    kernels = []
    for path, value in values(backbone).items():
        if not any(name in path for name in renewed):
            assert (value == 5).all(), path
        elif path.endswith("/gamma"):
            assert (value == 1).all(), path
        elif path.endswith("/kernel"):
            assert np.abs(value).max() <= 0.0401 and 0.01 < value.std() < 0.025, path
            kernels.append(value.ravel()[0])
        else:
            assert (value == 0).all(), path
    assert len(set(kernels)) == len(kernels) and (len(kernels) > 5) == (count > 0)


def test_it_follows_the_seed_and_leaves_what_is_drawn_after():
    found, after = [], []
    for count in (1, 1, 0):
        random.seed(2)
        backbone = prepared(backbone=set_apart("bert"), reinitialize=count)
        found.append(
            values(backbone)["transformer_layer_1/self_attention_layer/key/kernel"]
        )
        after.append(random.random())
    np.testing.assert_array_equal(found[0], found[1])
    assert len(set(after)) == 1


def message(kind="bert", **fields):
    backbone = set_apart(kind)
    with pytest.raises(InputError) as error:
        prepared(backbone=backbone, **fields)
    assert all((value == 5).all() for value in values(backbone).values())
    return str(error.value)


def test_what_cannot_be():
    assert message(reinitialize=3) == (
        "`reinitialize` must be at most the number of blocks, 2; got 3"
    )
    assert message("albert", reinitialize=1) == (
        "`reinitialize`: AlbertBackbone shares its blocks, so their depth says nothing"
    )
    assert message(reinitialize=2, freeze=1) == (
        "`reinitialize=2` meets frozen blocks, which would stay random; lower it or "
        "`freeze`"
    )
    prepared(reinitialize=1, freeze=1)


def test_what_starts_anew_cannot_be_anchored():
    found = message(reinitialize=1, backbone_regularizer=L2SP(0.1))
    assert "transformer_layer_1/" in found and "no pretrained value" in found
    rules = {
        "transformer_layer_0/*/kernel": L2SP(0.1),
        "transformer_layer_1/*": L2(0.1),
    }
    backbone = prepared(reinitialize=1, backbone_regularizer=rules)
    assert trained(backbone)
