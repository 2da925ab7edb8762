"""Learned strengths by name, in saved models, and as a recipe of plain numbers."""

from __future__ import annotations

import io

import keras
import numpy as np
import pytest

from tests.adapting import FIELDS, adapted, build, ids
from tests.backbones import tiny, tokenizer
from tfreg._checks import InputError
from tfreg.adapt import LoRA
from tfreg.builders import build_classifier
from tfreg.callbacks import AdaptiveStrength
from tfreg.inspect import penalty_report
from tfreg.models import load_model
from tfreg.recipe import Recipe
from tfreg.regularizers import (
    L1,
    L2,
    L2SP,
    ByDepth,
    GroupLasso,
    ProximalGroupLasso,
    ProximalL1,
)


def test_saved_loaded_and_gone_on(tmp_path):
    fields = {"kernel_regularizer": L2(0.5), "backbone_regularizer": L2SP(0.1)}
    model = build(**fields)
    adapted(model, epochs=3)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.learned_recipe == model.learned_recipe != model.recipe
    assert loaded.strengths.get_weights()[2] == 3.0
    for one in (model, loaded):
        adapted(one, epochs=2, seed=4)
    for own, other in zip(model.weights, loaded.weights):
        np.testing.assert_allclose(own, other, atol=1e-6, err_msg=own.path)
    with pytest.raises(InputError, match="`per`: this model has learned.*'penalty'"):
        adapted(model, per="depth")


@pytest.mark.parametrize(
    "per, names",
    [
        pytest.param("penalty", ["l2", "l2sp", "backbone_l2"], marks=pytest.mark.slow),
        ("group", ["l2", "l2sp/*/query/kernel", "l2sp/pooled*/kernel",
                   "backbone_l2/*/value/kernel"]),
        ("depth", ["l2", "l2sp/block_0", "l2sp/block_1", "backbone_l2/block_0",
                   "backbone_l2/block_1"]),
    ],
)  # fmt: skip
def test_one_a_kind_a_pattern_or_a_depth(per, names):
    rules = {
        "*/query/kernel": L2SP(0.2),
        "pooled*/kernel": L2SP(0.4),
        "*/value/kernel": [L2(0.3)],
    }
    model = build(kernel_regularizer=L2(0.5), backbone_regularizer=rules)
    adaptive, history = adapted(model, epochs=2, per=per)
    shown = {key.removeprefix("strength/"): v[-1] for key, v in history.items()
             if key.startswith("strength/")}  # fmt: skip
    assert sorted(shown) == sorted(names) == sorted(adaptive.slopes)
    recipe = adaptive.recipe()
    assert Recipe.from_json(recipe.to_json()) == recipe
    plain = build(recipe=recipe)
    for own, other in zip(plain.backbone.weights, model.backbone.weights):
        own.assign(other)
    plain.logits.kernel.assign(model.logits.kernel)
    for path, rule in model.penalties.items():
        for anchor in (m.anchors[path] for m in (model, plain) if path in m.anchors):
            anchor.assign(np.zeros(anchor.shape))
    rows = [
        {row.path: row.value for row in penalty_report(m, file=io.StringIO())}
        for m in (model, plain)
    ]
    assert rows[0] == pytest.approx(rows[1], rel=1e-4)
    plain.fit(*ids(plain, 8, 0), epochs=1, verbose=0)


def test_by_depth_as_layers():
    model = build(backbone_regularizer=ByDepth(L2SP(0.1), 2.0))
    adaptive, history = adapted(model, epochs=3, per="depth")
    found = adaptive.recipe().backbone_regularizer
    low, pooler = "transformer_layer_0/*kernel", "pooled_dense/*kernel"
    assert set(found) == {low, low.replace("0", "1"), pooler}
    for pattern, block in ((low, 0), (pooler, 1)):
        number = history[f"strength/l2sp/block_{block}"][-1]
        assert found[pattern].alpha == pytest.approx(number, rel=1e-5)
    assert 0.15 < history["strength/l2sp/block_0"][0] < 0.25


def test_a_set_a_list_and_only_what_is_asked_for():
    rules = [L2SP(0.1), GroupLasso(0.01)]
    model = build(kernel_regularizer=[L2(0.5), L1(0.1)], backbone_regularizer=rules)
    adaptive, history = adapted(model, epochs=2, penalties=["group_lasso", "l1"])
    assert set(adaptive.slopes) == {"group_lasso", "l1"}
    recipe = adaptive.recipe()
    l2sp, lasso = recipe.backbone_regularizer
    assert l2sp.alpha == 0.1
    assert lasso.strength == pytest.approx(history["strength/group_lasso"][-1])
    assert float(recipe.kernel_regularizer[0].l2) == pytest.approx(0.5)
    assert lasso.strength != 0.01
    shown = {row.penalty: row for row in penalty_report(model, file=io.StringIO())}
    assert shown["GroupLasso"].strength == {
        "strength": pytest.approx(lasso.strength, rel=1e-5)
    }


def test_saved_as_a_preset_and_as_what_was_trained(tmp_path):
    model = build_classifier(
        tiny(), ("neg", "pos"), tokenizer=tokenizer(), adapter=LoRA(rank=2),
        backbone_regularizer={"*/lora/*": L2(0.1)}, **FIELDS,
    )  # fmt: skip
    adaptive = AdaptiveStrength((["good", "bad"], ["pos", "neg"]))
    texts = ["a good movie", "a bad movie"] * 2
    model.fit(texts, ["pos", "neg"] * 2, epochs=3, callbacks=[adaptive], verbose=0)
    assert model.learned_recipe != model.recipe
    model.save_to_preset(tmp_path / "preset")
    loaded = load_model(tmp_path / "preset")
    assert loaded.learned_recipe == model.learned_recipe
    merged = model.merge()
    assert merged.strengths.per is None
    np.testing.assert_allclose(
        merged.predict(texts, verbose=0), model.predict(texts, verbose=0), atol=1e-5
    )


def test_what_is_not_learned_stays_as_it_was_written():
    """Also a penalty whose number nobody knows, such as a proximal one."""
    rules = [ProximalL1(0.01), L2SP(0.1)]
    model = build(
        kernel_regularizer=L2(0.5),
        backbone_regularizer={"*_0/*/kernel": rules[0], "*_1/*/kernel": rules[1]},
    )
    adaptive, _ = adapted(model, epochs=2, penalties=["l2"])
    recipe = adaptive.recipe()
    assert float(recipe.kernel_regularizer.l2) != pytest.approx(0.5, rel=1e-6)
    own, written = (each.to_json() for each in (recipe, model.recipe))
    assert own["backbone_regularizer"] == written["backbone_regularizer"]
    lasso = build(kernel_regularizer=L2(0.5), backbone_regularizer=ProximalGroupLasso())
    adaptive, _ = adapted(lasso, penalties=["l2"])
    assert type(adaptive.recipe().backbone_regularizer) is ProximalGroupLasso
