from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy import stats

from tests.backbones import KINDS, tiny
from tfreg import Recipe, _compat, layers
from tfreg._checks import InputError
from tfreg.adapt.freeze import freeze
from tfreg.adapt.lean import make_lean
from tfreg.adapt.noise import add_noise, check_targets, kernel_noise
from tfreg.adapt.penalise import Anchors, penalise
from tfreg.layers.kernel_noise import kernel_of
from tfreg.models import TextClassifier
from tfreg.regularizers import L2SP


def made(kind="bert", frozen=None, **fields):
    """A backbone with a recipe's noise, its anchors, and its layers with kernels."""
    backbone, anchors, recipe = tiny(kind), Anchors(), Recipe(**fields)
    freeze(backbone, frozen)
    check_targets(backbone, recipe, anchors)
    make_lean(backbone)
    add_noise(backbone, recipe, kernel_noise(recipe), anchors)
    dense = [x for x in _compat.nested_layers(backbone) if hasattr(x, "kernel_noise")]
    return backbone, anchors, dense


def run(backbone, training=False):
    ids = np.random.default_rng(0).integers(5, 30, (2, 12))
    inputs = {"token_ids": ids, "padding_mask": np.ones_like(ids)}
    if "segment_ids" in backbone.input:
        inputs["segment_ids"] = np.zeros_like(ids)
    found = backbone(inputs, training=training)
    return np.array(found["sequence_output"] if isinstance(found, dict) else found)


@pytest.mark.parametrize("name", ["mixout", "dropconnect"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kernel_has_noise(kind, name):
    backbone, anchors, dense = made(kind, **{name: 0.5})
    kernels = [v for v in backbone.trainable_variables if v.path.endswith("/kernel")]
    assert {layer.kernel.path for layer in dense} == {v.path for v in kernels}
    assert len(anchors) == (len(kernels) if name == "mixout" else 0)
    weights = [v.path for v in backbone.weights]
    assert weights == [v.path for v in tiny(kind).weights]
    off, hit = 0, []
    for layer in dense:
        w = np.array(layer.kernel)
        layer.kernel.assign(w + 1.0)
        found = np.array(kernel_of(layer, True))
        start = w if name == "mixout" else np.zeros_like(w)
        kept = found != start
        expected = np.where(kept, start + (w + 1.0 - start) / 0.5, start)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
        off, hit = off + kept.size - kept.sum(), [*hit, *kept.ravel()]
    assert stats.binomtest(int(off), len(hit), 0.5).pvalue > 1e-4


def test_gaussian_noise_is_in_each_kernel_s_own_deviations():
    _, anchors, dense = made(weight_noise=0.5)
    assert not len(anchors) and len(dense) == 13
    for place, layer in enumerate(dense):
        layer.kernel.assign(layer.kernel * (place + 1))
        w = np.array(layer.kernel)
        noise = (np.array(kernel_of(layer, True)) - w) / w.std()
        assert noise.std() == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "fields",
    [
        {"mixout": 0.5},
        {"dropconnect": 0.5},
        {"weight_noise": 0.5},
        {"embedding_noise": 0.5},
    ],
)
def test_it_acts_in_training_only(kind, fields):
    backbone, _, dense = made(kind, **fields)
    for layer in dense:
        layer.kernel.assign(1.5 * layer.kernel)  # away from the anchors
    plain = tiny(kind)
    make_lean(plain)
    for ours, theirs in zip(plain.weights, backbone.weights):
        ours.assign(theirs)
    np.testing.assert_array_equal(run(backbone), run(plain))
    one, two = run(backbone, True), run(backbone, True)
    assert np.abs(one - two).max() > 1e-3


def test_frozen_kernels_are_left_alone():
    backbone, anchors, dense = made(frozen=1, mixout=0.5)
    noisy = {x.kernel.path for x in dense if x.kernel_noise is not None}
    assert {path.split("/")[0] for path in noisy} == {
        "transformer_layer_1",
        "pooled_dense",
    }
    assert len(noisy) == len(anchors) == 7


def test_an_anchor_is_shared_with_the_penalty():
    backbone, anchors = tiny(), Anchors()
    recipe = Recipe(mixout=0.9)
    rule = {"transformer_layer_0/*/kernel": L2SP(1.0)}
    found = penalise(backbone, rule, anchors).by_path
    assert len(anchors) == 6
    make_lean(backbone)
    add_noise(backbone, recipe, kernel_noise(recipe), anchors)
    assert len(anchors) == len(anchors.weights) == 13
    dense = backbone.transformer_layers[0]._feedforward_output_dense
    anchor = anchors[dense.kernel.path]
    anchor.assign(anchor + 1.0)
    assert float(found[dense.kernel.path](dense.kernel)) == pytest.approx(64 * 32)
    mixed, anchor = np.array(kernel_of(dense, True)), np.array(anchor)
    assert (mixed == anchor).mean() == pytest.approx(0.9, abs=0.05)


def test_the_noise_on_embeddings_keeps_their_dropout():
    backbone = tiny(dropout=0.1)
    recipe = Recipe(embedding_noise=0.2)
    make_lean(backbone)
    add_noise(backbone, recipe, None, Anchors())
    (noise,) = [x for x in backbone.layers if type(x) is layers.EmbeddingNoise]
    assert noise.name == "embeddings_dropout"
    assert (noise.rate, noise.stddev) == (0.1, 0.2)
    x = keras.ops.zeros((50, 40, 32))
    found = np.array(noise(x, training=True))
    assert (found == 0).mean() == pytest.approx(0.1, abs=0.01)
    assert found[found != 0].std() == pytest.approx(0.2 / 0.9, rel=0.02)


def test_masks_come_from_the_recipe_s_seed():
    masks = []
    for seed in (0, 0, 1):
        keras.utils.set_random_seed(5)
        _, _, dense = made(dropconnect=0.5, seed=seed)
        masks.append(np.array(kernel_of(dense[0], True)) == 0)
    np.testing.assert_array_equal(masks[0], masks[1])
    assert (masks[0] != masks[2]).any()
    recipe = Recipe(seed=3)
    assert recipe.seed_of("mixout") != recipe.seed_of("word_dropout")


@pytest.mark.parametrize(
    "name", ["mixout", "dropconnect", "weight_noise", "noisy_tune"]
)
def test_nothing_that_trains(name):
    with pytest.raises(InputError) as error:
        made(frozen="backbone", **{name: 0.1})
    assert str(error.value) == f"`{name}`: the backbone has no kernel that trains"


def test_nothing_pretrained_that_trains():
    recipe = Recipe(mixout=0.5, reinitialize=2)
    with pytest.raises(InputError, match="`mixout`: no pretrained kernel trains"):
        TextClassifier(tiny(), labels=("a", "b"), recipe=recipe)
    fields = {"reinitialize": 2, "dropconnect": 0.5}
    TextClassifier(tiny(), labels=("a", "b"), recipe=Recipe(**fields))


def test_no_dropout_after_the_embeddings():
    plain = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    with pytest.raises(InputError, match="`embedding_noise`: Sequential has no drop"):
        check_targets(plain, Recipe(embedding_noise=0.1), Anchors())


def test_no_noise():
    recipe = Recipe()
    assert kernel_noise(recipe) is None
    backbone, anchors, dense = made()
    assert not len(anchors) and all(x.kernel_noise is None for x in dense)
    assert not [x for x in backbone.layers if type(x) is layers.EmbeddingNoise]
