from __future__ import annotations

import random

import keras
import numpy as np
import pytest

from tests.adapt.adapting import layers_of, prepared, run, same_weights, shaken, trained
from tests.backbones import KINDS, tiny
from tfreg._checks import InputError
from tfreg.adapt import LoRA
from tfreg.adapt.lora import TARGETS
from tfreg.layers.lora import LoRADense, LoRAEinsumDense
from tfreg.recipe import Recipe
from tfreg.regularizers import L1, L2, L2SP, ByDepth, GroupLasso, ProximalL1, Sum

EVERY = LoRA(rank=2, alpha=6.0, targets=tuple(TARGETS))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("adapter", [LoRA(rank=3), EVERY])
def test_the_start_is_the_plain_encoder_bit_for_bit(kind, adapter):
    one, other = same_weights(kind)
    plain, ours = prepared(backbone=one), prepared(backbone=other, adapter=adapter)
    np.testing.assert_array_equal(run(ours), run(plain))
    assert trained(ours) == {w.path for w in ours.weights if "/lora/" in w.path}
    blocks = 1 if kind == "albert" else 2
    assert len(trained(ours)) == 2 * blocks * len(adapter.targets)
    before = {w.path for w in one.weights}
    assert {w.path for w in ours.weights if "/lora/" not in w.path} == before


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_plain_encoder_with_w_plus_the_update(kind):
    """W + α/r·A·B, by NumPy, in another encoder's kernels."""
    one, other = same_weights(kind)
    ours = prepared(backbone=other, adapter=EVERY)
    start = run(ours)
    shaken(ours)
    values = {w.path: np.array(w, "float64") for w in ours.weights}
    merged = 0
    for weight in one.weights:
        value = values[weight.path]
        place = weight.path.removesuffix("kernel") + "lora"
        if f"{place}/a" in values:
            update = 6.0 / 2 * values[f"{place}/a"] @ values[f"{place}/b"]
            value = value + update.reshape(value.shape)
            merged += 1
        weight.assign(value)
    assert merged == len(layers_of(ours, LoRADense) + layers_of(ours, LoRAEinsumDense))
    np.testing.assert_allclose(run(ours), run(prepared(backbone=one)), atol=3e-5)
    assert np.abs(run(ours) - start).max() > 1e-2
    folded = EVERY.folded(ours)
    assert set(folded) == {weight.path for weight in one.weights}
    for weight in one.weights:
        np.testing.assert_allclose(folded[weight.path], weight, atol=1e-5)


def test_only_blocks_that_train_have_factors():
    backbone = prepared(adapter=LoRA(rank=2), freeze=1)
    assert all(path.startswith("transformer_layer_1/") for path in trained(backbone))
    assert len(layers_of(backbone, LoRAEinsumDense)) == 2
    both = prepared(adapter=LoRA(rank=2), freeze="embeddings")
    assert len(layers_of(both, LoRAEinsumDense)) == 4


def test_factors_differ_between_layers_and_follow_the_seed():
    one, other = tiny(), tiny()
    found = []
    for backbone in (one, other):
        random.seed(3)
        prepared(backbone=backbone, adapter=LoRA(rank=2))
        found.append(
            [np.array(w) for w in backbone.trainable_variables if "/a" in w.path]
        )
        drawn = random.random()
    for a, b in zip(*found):
        np.testing.assert_array_equal(a, b)
    first = [a.ravel()[0] for a in found[0]]
    assert len(set(first)) == len(first) == 4
    plain = tiny()
    random.seed(3)
    prepared(backbone=plain)
    assert random.random() == drawn  # what comes after is drawn as without it


def test_penalty_on_the_update():
    penalty = L2(0.5)
    backbone = prepared(adapter=LoRA(rank=2, alpha=6.0, penalty=penalty))
    sets = LoRA(rank=2, alpha=6.0, penalty=penalty).penalties(backbone)
    assert list(sets) == [
        f"transformer_layer_{n}/self_attention_layer/{name}/lora"
        for n in (0, 1)
        for name in ("query", "value")
    ]
    assert all(float(bound()) == 0.0 for bound in sets.values())
    shaken(backbone)
    weights = {w.path: np.array(w, "float64") for w in backbone.weights}
    for path, bound in sets.items():
        update = 3.0 * weights[f"{path}/a"] @ weights[f"{path}/b"]
        assert float(bound()) == pytest.approx(0.5 * (update**2).sum(), rel=1e-4)
        assert set(bound.weights) == {f"{path}/a", f"{path}/b"}
        assert bound.penalty is penalty
    assert LoRA().penalties(backbone) == {}


def test_the_penalty_does_not_see_how_the_update_is_split():
    backbone = prepared(adapter=LoRA(rank=2))
    shaken(backbone)
    bound, *_ = LoRA(rank=2, penalty=L1(1.0)).penalties(backbone).values()
    before, (a, b) = float(bound()), bound.weights.values()
    a.assign(4 * a.value)
    b.assign(b.value / 4)
    assert float(bound()) == pytest.approx(before, rel=1e-5)


def message(**fields):
    backbone = fields.pop("backbone", None) or tiny(fields.pop("kind", "bert"))
    paths = [weight.path for weight in backbone.weights]
    with pytest.raises(InputError) as error:
        prepared(backbone=backbone, **fields)
    assert [weight.path for weight in backbone.weights] == paths
    assert trained(backbone) == set(paths)
    inner = layers_of(backbone, keras.layers.EinsumDense)
    assert len(inner) == 8 and not layers_of(backbone, LoRAEinsumDense)
    return str(error.value)


def test_a_refused_backbone_is_as_it_was_and_can_be_used():
    backbone = tiny()
    found = message(backbone=backbone, adapter=LoRA(rank=2), backbone_regularizer=L2(1))
    assert found == (
        "`backbone_regularizer`: the backbone has no kernel that trains; what trains "
        "is reached by patterns: transformer_layer_0/self_attention_layer/query/lora/a,"
        " transformer_layer_0/self_attention_layer/query/lora/b, ..."
    )
    rules = {"*/lora/a": L2(0.1), "*/lora/b": L1(0.1)}
    prepared(backbone=backbone, adapter=LoRA(rank=2), backbone_regularizer=rules)
    found = {v.path[-6:]: v.regularizer for v in backbone.trainable_variables}
    assert type(found["lora/a"]) is L2 and type(found["lora/b"]) is L1


def test_what_cannot_be():
    rules = {"*/lora/*": L2SP(0.1)}
    assert "has no pretrained value to be anchored at" in message(
        adapter=LoRA(rank=2), backbone_regularizer=rules
    )
    assert message(adapter=LoRA(rank=33)) == (
        "`rank` must be at most 32 for "
        "transformer_layer_0/self_attention_layer/query/kernel; got 33"
    )
    rules = {"*/query/kernel": L2(0.1)}
    assert "is frozen" in message(adapter=LoRA(), backbone_regularizer=rules)
    with pytest.raises(InputError, match="all blocks are frozen"):
        prepared(adapter=LoRA(), freeze=2)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"rank": 0}, "`rank` must be an integer of at least 1; got 0"),
        ({"rank": 2.0}, "`rank` must be an integer of at least 1; got 2.0"),
        ({"alpha": 0}, "`alpha` must be a number in (0, inf]; got 0"),
        (
            {"targets": ()},
            "`targets` must be a sequence of at least one target; got ()",
        ),
        ({"targets": "query"}, "`targets` must be a sequence of at least one target"),
        ({"targets": ("query", "kernel")}, "`targets` must be one of 'query', 'key'"),
        ({"targets": ["key", "key"]}, "`targets` must be a sequence of different"),
        ({"penalty": 0.1}, "`penalty` must be a keras.regularizers.Regularizer"),
        ({"penalty": L2SP(0.1)}, "`penalty` cannot be L2SP: an update has neither"),
        ({"penalty": Sum([ByDepth(L2(0.1), 2.0)])}, "`penalty` cannot be ByDepth"),
        ({"penalty": Sum([GroupLasso(0.1)])}, "`penalty` cannot be GroupLasso: an"),
        ({"penalty": Sum([ProximalL1(0.1)])}, "`penalty` cannot be proximal: no step"),
        (
            {"penalty": keras.regularizers.Regularizer()},
            "`penalty`: Regularizer has no",
        ),
    ],
)
def test_impossible_arguments(arguments, words):
    with pytest.raises(InputError) as error:
        LoRA(**arguments)
    assert str(error.value).startswith(words)


def test_round_trip():
    adapter = LoRA(4, 12, ["key", "feedforward_output"], L2(0.25))
    again = Recipe.from_json(Recipe(adapter=adapter).to_json()).adapter
    assert type(again) is LoRA and again.get_config() == adapter.get_config()
    assert (again.rank, again.alpha) == (4, 12.0)
    assert again.targets == ("key", "feedforward_output")
    assert type(again.penalty) is L2 and float(again.penalty.l2) == 0.25
    assert Recipe(adapter=LoRA()) == Recipe(adapter={"class_name": "LoRA"})
