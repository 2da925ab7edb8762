"""The two parts of a backbone, one after the other, are the backbone."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.adapt.test_dropout import run
from tests.backbones import KINDS, tiny
from tfreg._checks import InputError
from tfreg.adapt.split import split

WITH_DEPTH = [kind for kind in KINDS if kind != "albert"]


def batch(backbone):
    mask = np.array([[1] * 8, [1] * 5 + [0] * 3], "int32")
    ids = np.random.default_rng(0).integers(5, 40, (2, 8)).astype("int32")
    # As RoBERTa has them: a real piece is 0, and padding is not.
    ids[:, 0], ids[mask == 0] = 0, 1
    x = {"token_ids": ids, "padding_mask": mask, "segment_ids": mask * 0}
    return {name: x[name] for name in backbone.input}


def sequence(output):
    return output["sequence_output"] if isinstance(output, dict) else output


@pytest.mark.parametrize("kind", WITH_DEPTH)
def test_the_parts_are_the_whole(kind):
    backbone = tiny(kind)
    x = batch(backbone)
    lower, upper = split(backbone, 1, sequence(backbone.output))
    hidden = np.array(lower(x))
    hidden[x["padding_mask"] == 0] = 0  # as padding comes from a store
    inputs = [np.asarray(x[name]) for name in backbone.input]
    parts = upper([keras.ops.convert_to_tensor(a) for a in (hidden, *inputs)])
    whole = sequence(backbone(x))
    real = x["padding_mask"] > 0
    np.testing.assert_allclose(
        np.asarray(parts)[real], np.asarray(whole)[real], atol=1e-6
    )


def test_no_weight_is_copied_and_the_backbone_is_as_it_was():
    backbone = tiny()
    before, outputs = run(backbone), backbone.transformer_layers[0].output
    lower, upper = split(backbone, 2, backbone.output["pooled_output"])
    assert {w.path for w in upper.weights} == {
        "pooled_dense/kernel",
        "pooled_dense/bias",
    }
    weights = {id(weight) for weight in backbone.weights}
    assert weights == {id(weight) for weight in [*lower.weights, *upper.weights]}
    np.testing.assert_array_equal(run(backbone), before)
    assert backbone.transformer_layers[0].output is outputs
    keras.models.clone_model(backbone)  # its graph can still be read


@pytest.mark.parametrize("depth", [0, 3])
def test_there_must_be_so_many_blocks(depth):
    backbone = tiny()
    with pytest.raises(
        InputError, match=f"from 1 to the number of blocks, 2; got {depth}"
    ):
        split(backbone, depth, backbone.output["sequence_output"])


def test_shared_blocks_have_no_place_to_cut():
    backbone = tiny("albert")
    with pytest.raises(InputError, match="AlbertBackbone shares its blocks"):
        split(backbone, 1, backbone.output["sequence_output"])
