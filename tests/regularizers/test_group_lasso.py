from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.backbones import KINDS, tiny
from tfreg._checks import InputError
from tfreg.adapt import BitFit
from tfreg.models import TextClassifier
from tfreg.recipe import Recipe
from tfreg.regularizers import GroupLasso

HEADS, WIDTH, SIZE, INNER = 2, 32, 16, 64


def by_path(backbone):
    return {v.path: v for v in backbone.trainable_variables}


def numpy_value(weights, groups):
    """Group by group, block by block, from the definition."""
    total = 0.0
    for block in range(2):
        stem = f"transformer_layer_{block}/"
        attention, dense = stem + "self_attention_layer/", stem + "feedforward_"
        if groups == "heads":
            for head in range(HEADS):
                parts = [weights[attention + n + "/kernel"][:, head] for n in
                         ("query", "key", "value")]  # fmt: skip
                parts.append(weights[attention + "attention_output/kernel"][head])
                total += norm(parts)
        else:
            for column in range(INNER):
                total += norm(
                    [
                        weights[dense + "intermediate_dense/kernel"][:, column],
                        weights[dense + "output_dense/kernel"][column],
                    ]
                )
    return total


def norm(parts):
    flat = np.concatenate([np.asarray(part, "float64").ravel() for part in parts])
    return np.sqrt(len(flat)) * np.sqrt((flat**2).sum())


@pytest.mark.parametrize("groups", ["heads", "neurons"])
def test_value(groups):
    weights = by_path(tiny())
    bound = GroupLasso(0.3, groups).bound_to(weights)
    assert float(bound()) == pytest.approx(0.3 * numpy_value(weights, groups), rel=1e-5)
    count = {"heads": 2 * HEADS, "neurons": 2 * INNER}[groups]
    assert bound.norms().shape == (count,)
    assert len(bound.weights) == {"heads": 8, "neurons": 4}[groups]


@pytest.mark.parametrize("groups", ["heads", "neurons"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_backbone_has_the_groups(kind, groups):
    weights = by_path(tiny(kind))
    bound = GroupLasso(0.3, groups).bound_to(weights)
    assert float(bound()) > 0
    blocks = 1 if kind == "albert" else 2
    count = {"heads": HEADS, "neurons": INNER}[groups]
    assert bound.norms().shape == (blocks * count,)


@pytest.mark.parametrize("groups", ["heads", "neurons"])
def test_gradient_by_central_differences_and_at_zero(groups):
    weights = by_path(tiny())
    kernel = weights["transformer_layer_0/feedforward_intermediate_dense/kernel"]
    if groups == "heads":
        kernel = weights["transformer_layer_0/self_attention_layer/query/kernel"]
    bound = GroupLasso(0.3, groups).bound_to(weights)
    with tf.GradientTape() as tape:
        value = bound()
    found = tape.gradient(value, kernel.value).numpy()
    start = kernel.numpy()
    for index in [(0, 0), (5, 1)]:
        index = (*index, 3)[: start.ndim]
        ends = []
        for step in (1e-2, -1e-2):
            moved = start.copy()
            moved[index] += step
            kernel.assign(moved)
            values = {path: v.numpy() for path, v in weights.items()}
            ends.append(0.3 * numpy_value(values, groups))
        kernel.assign(start)
        assert found[index] == pytest.approx((ends[0] - ends[1]) / 2e-2, rel=1e-2)
    for weight in bound.weights.values():
        weight.assign(np.zeros(weight.shape))
    with tf.GradientTape() as tape:
        value = bound()
    gradient = tape.gradient(value, kernel.value).numpy()
    assert float(value) == 0.0 and np.array_equal(gradient, np.zeros_like(gradient))


def test_config_and_what_cannot_be():
    again = keras.regularizers.get(
        keras.regularizers.serialize(GroupLasso(0.25, "neurons"))
    )
    assert type(again) is GroupLasso and again.get_config() == {
        "strength": 0.25,
        "groups": "neurons",
    }
    with pytest.raises(InputError, match="`strength`"):
        GroupLasso(0)
    with pytest.raises(InputError, match="`groups`"):
        GroupLasso(1.0, "columns")
    with pytest.raises(InputError, match="acts on several weights together"):
        GroupLasso()(np.ones(2, "float32"))
    frozen = tiny()
    frozen.trainable = False
    with pytest.raises(InputError, match="no block has heads that train"):
        GroupLasso().bound_to(by_path(frozen))
    recipe = Recipe(backbone_regularizer=GroupLasso(), adapter=BitFit())
    with pytest.raises(InputError, match="^`backbone_regularizer`: `GroupLasso`: no"):
        TextClassifier(tiny(), labels=("a", "b"), recipe=recipe)
