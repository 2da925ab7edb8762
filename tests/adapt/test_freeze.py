from __future__ import annotations

import re

import keras
import numpy as np
import pytest

from tests.adapt.test_dropout import run
from tests.backbones import KINDS, tiny
from tfreg import _compat
from tfreg._checks import InputError
from tfreg.adapt.freeze import (
    block_patterns,
    blocks,
    embeddings,
    freeze,
    freeze_unread,
)
from tfreg.selection import matches

WITH_DEPTH = [kind for kind in KINDS if kind != "albert"]
BLOCK = re.compile(r"(transformer|disentangled_attention_encoder|group_0_inner)_layer_")


def trained(backbone):
    return {variable.path for variable in backbone.trainable_variables}


def paths(backbone):
    return {variable.path for variable in backbone.variables}


def block_paths(backbone, number):
    return {path for path in paths(backbone) if f"layer_{number}/" in path}


def outside_blocks(backbone):
    found = {path for path in paths(backbone) if not BLOCK.match(path)}
    return {path for path in found if not path.startswith("pooled_dense/")}


@pytest.mark.parametrize("kind", KINDS)
def test_all_of_it_trains(kind):
    backbone = tiny(kind)
    freeze(backbone, "backbone")
    assert trained(backbone) == set()
    freeze(backbone, None)
    assert trained(backbone) == paths(backbone)


@pytest.mark.parametrize("kind", KINDS)
def test_embeddings(kind):
    backbone = tiny(kind)
    assert {w.path for x in embeddings(backbone) for w in x.weights} == (
        outside_blocks(backbone)
    )
    freeze(backbone, "embeddings")
    left = trained(backbone)
    assert paths(backbone) - left == outside_blocks(backbone)
    assert all(BLOCK.match(path) or path.startswith("pooled") for path in left)
    assert not any("embedding" in path for path in left)


@pytest.mark.parametrize("kind", WITH_DEPTH)
@pytest.mark.parametrize("depth", [1, 2])
def test_lowest_blocks(kind, depth):
    backbone = tiny(kind)
    freeze(backbone, depth)
    frozen = set.union(*(block_paths(backbone, number) for number in range(depth)))
    assert frozen and paths(backbone) - trained(backbone) == (
        frozen | outside_blocks(backbone)
    )


@pytest.mark.parametrize("kind", WITH_DEPTH)
def test_blocks_lowest_first(kind):
    names = [block.name for block in blocks(tiny(kind))]
    assert [name[-1] for name in names] == ["0", "1"]


def test_shared_blocks_have_no_depth():
    backbone = tiny("albert")
    with pytest.raises(InputError) as error:
        freeze(backbone, 1)
    assert str(error.value) == (
        "`freeze`: AlbertBackbone shares its blocks, so their depth says nothing; "
        "use None, 'embeddings' or 'backbone'"
    )
    for what in (None, "embeddings", "backbone"):
        freeze(backbone, what)


def test_more_blocks_than_there_are():
    with pytest.raises(InputError) as error:
        freeze(tiny(), 3)
    assert str(error.value) == (
        "`freeze` must be at most the number of blocks, 2; got 3"
    )


def test_no_blocks_at_all():
    plain = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    with pytest.raises(InputError, match="Sequential has no transformer blocks"):
        blocks(plain)


@pytest.mark.parametrize("kind", KINDS)
def test_a_frozen_backbone_is_the_same_in_training(kind):
    backbone = tiny(kind, dropout=0.5)
    clean = run(backbone)
    freeze(backbone, "backbone")
    for _ in range(2):
        np.testing.assert_allclose(run(backbone, training=True), clean, atol=1e-6)


def block_output(backbone, number):
    """A model of what comes out of one block."""
    (block,) = [x for x in backbone.layers if x.name.endswith(f"_layer_{number}")]
    outputs = keras.tree.flatten(block.output)[0]
    return keras.Model(backbone.input, outputs)


@pytest.mark.parametrize("kind", WITH_DEPTH)
def test_frozen_blocks_are_the_same_in_training(kind):
    backbone = tiny(kind, dropout=0.5)
    freeze(backbone, 1)
    lower, upper = block_output(backbone, 0), block_output(backbone, 1)
    clean = run(lower)
    for _ in range(2):
        np.testing.assert_allclose(run(lower, training=True), clean, atol=1e-6)
    assert np.abs(run(upper, training=True) - run(upper, training=True)).max() > 1e-3


def test_frozen_embeddings_keep_their_dropout():
    backbone = tiny(dropout=0.5)
    freeze(backbone, "embeddings")
    rates = {_compat.dropout_rate(found) for _, found in _compat.dropouts([backbone])}
    assert rates == {0.5}


def test_a_pooler_that_no_head_reads():
    backbone = tiny()
    freeze_unread(backbone, backbone.output["sequence_output"])
    assert paths(backbone) - trained(backbone) == {
        *("pooled_dense/kernel", "pooled_dense/bias")
    }
    read = tiny()
    freeze_unread(read, read.output["pooled_output"])
    assert trained(read) == paths(read)


def test_freeze_unread_leaves_what_is_frozen():
    backbone = tiny()
    freeze(backbone, 1)
    before = trained(backbone)
    freeze_unread(backbone, backbone.output["pooled_output"])
    assert trained(backbone) == before


@pytest.mark.parametrize("kind", WITH_DEPTH)
def test_patterns_of_blocks_reach_all_but_the_pooler_once(kind):
    backbone = tiny(kind)
    groups = block_patterns(backbone, "x")
    assert len(groups) == 3
    for path in paths(backbone):
        found = [i for i, group in enumerate(groups) if matches(path, group)]
        if path.startswith("pooled_dense/"):
            assert found == []
        elif path in outside_blocks(backbone):
            assert found == [0]
        else:
            assert found == [1 + ("layer_1/" in path)]
    with pytest.raises(InputError, match="`x`: AlbertBackbone shares its blocks"):
        block_patterns(tiny("albert"), "x")
