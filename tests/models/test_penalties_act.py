"""A penalty changes training by exactly what its formula says, on every backbone."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.backbones import KINDS, tiny
from tests.models.conftest import inputs_of, sgd
from tfreg._checks import InputError
from tfreg.models import TextClassifier, TokenTagger
from tfreg.recipe import Recipe
from tfreg.regularizers import L1, L2, L2SP, ByDepth, GroupLasso

RATE = 0.1
UNDER_XLA = pytest.param({"jit_compile": True}, marks=pytest.mark.slow)


def build(kind, recipe, start=None, **compile_args):
    """A classifier at fixed weights, with penalties if asked for."""
    keras.utils.set_random_seed(0)
    model = TextClassifier(
        tiny(kind), labels=("neg", "pos"), recipe=Recipe(dropout=0.0, **recipe)
    )
    model.compile(optimizer=sgd(), **compile_args)
    if start:
        for variable in model.trainable_variables:
            variable.assign(start[variable.path])
    return model


def trained(model):
    return {v.path: np.array(v) for v in model.trainable_variables}


def one_step(model, batch):
    x, y = batch
    model.train_on_batch(inputs_of(model, x), y)
    return trained(model)


def with_and_without(kind, penalties, batch, **compile_args):
    """Weights at the start, and after one step without and with the penalties."""
    plain = build(kind, {}, **compile_args)
    start = trained(plain)
    penalised = build(kind, penalties, start, **compile_args)
    return start, one_step(plain, batch), one_step(penalised, batch)


@pytest.mark.parametrize("kind", KINDS)
def test_l2_on_every_backbone(kind, ids):
    penalties = {"kernel_regularizer": L2(0.3), "backbone_regularizer": L2(0.2)}
    start, plain, penalised = with_and_without(kind, penalties, ids, run_eagerly=True)
    moved = 0
    for path, w in start.items():
        strength = 0.0
        if path == "logits/kernel":
            strength = 0.3
        elif path.endswith("/kernel"):
            strength = 0.2
        expected = plain[path] - RATE * 2 * strength * w
        np.testing.assert_allclose(penalised[path], expected, atol=2e-7, err_msg=path)
        moved += strength > 0
    assert moved >= 8


@pytest.mark.parametrize("how", [{"jit_compile": False}, UNDER_XLA])
def test_l1_and_l2_in_graphs_and_under_xla(how, ids):
    rules = {
        "*/query/kernel": L1(0.02),
        "transformer_layer_1/feedforward_*_dense/kernel": L2(0.5),
        "token_embedding/embeddings": L2(0.1),
    }
    penalties = {"backbone_regularizer": rules}
    start, plain, penalised = with_and_without("bert", penalties, ids, **how)
    for path, w in start.items():
        pull = np.zeros_like(w)
        if path.endswith("/query/kernel"):
            pull = 0.02 * np.sign(w)
        elif "layer_1/feedforward" in path and path.endswith("kernel"):
            pull = 2 * 0.5 * w
        elif path == "token_embedding/embeddings":
            pull = 2 * 0.1 * w
        expected = plain[path] - RATE * pull
        np.testing.assert_allclose(penalised[path], expected, atol=3e-7, err_msg=path)


@pytest.mark.parametrize("kind", KINDS)
def test_l2sp_pulls_to_the_start_and_only_then(kind, ids):
    model = build(kind, {"backbone_regularizer": L2SP(0.4)}, run_eagerly=True)
    kernels = [v for v in model.trainable_variables if v.path in model.penalties]
    assert kernels and sum(map(float, model.losses)) == 0.0
    start = {v.path: np.array(v) for v in kernels}
    for v in kernels:
        v.assign_add(0.01 * np.ones(v.shape))
    size = sum(np.square(np.array(v) - start[v.path]).sum() for v in kernels)
    assert sum(map(float, model.losses)) == pytest.approx(0.4 * size, rel=1e-5)
    plain = build(kind, {}, trained(model), run_eagerly=True)
    before = trained(model)
    without, after = one_step(plain, ids), one_step(model, ids)
    for path, w0 in start.items():
        expected = without[path] - RATE * 2 * 0.4 * (before[path] - w0)
        np.testing.assert_allclose(after[path], expected, atol=2e-7, err_msg=path)


def test_strength_zero_is_plain_keras(ids):
    """No penalty: the same step as a model of Keras's own parts and losses."""
    x, y = ids
    ours = build("bert", {})
    keras.utils.set_random_seed(0)
    backbone = tiny()
    head = keras.layers.Dense(2)
    plain = keras.Model(backbone.input, head(backbone.output["pooled_output"]))
    plain.compile(sgd(), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    for ours_v, plain_v in zip(ours.trainable_variables, plain.trainable_variables):
        assert ours_v.shape == plain_v.shape
        plain_v.assign(ours_v)
    for _ in range(3):
        ours.train_on_batch(x, y)
        plain.train_on_batch(x, y)
    for ours_v, plain_v in zip(ours.trainable_variables, plain.trainable_variables):
        np.testing.assert_allclose(ours_v, plain_v, atol=1e-6, err_msg=ours_v.path)


def test_penalties_are_not_in_what_evaluate_and_val_loss_say(ids):
    x, y = ids
    strong = build("bert", {"kernel_regularizer": L2(1e3)}, run_eagerly=True)
    history = strong.fit(x, y, validation_data=(x, y), epochs=1, verbose=0).history
    assert history["loss"][0] > 2 * history["cross_entropy"][0]
    scores = strong.evaluate(x, y, verbose=0, return_dict=True)
    assert scores["loss"] == pytest.approx(scores["cross_entropy"], abs=1e-6)
    assert history["val_loss"][0] == pytest.approx(scores["loss"], abs=1e-6)


def test_setting_a_regularizer_on_a_built_layer_does_nothing():
    """The trap this package is for: if Keras ever mends it, simplify `penalise`."""
    backbone = tiny()
    backbone.pooled_dense.kernel_regularizer = L2(1.0)
    assert backbone.losses == []


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_penalties_stay_float32_in_mixed_precision(precision, ids):
    x, y = ids
    model = TextClassifier(
        tiny(dtype=precision),
        labels=("neg", "pos"),
        recipe=Recipe(kernel_regularizer=L2(1e6), backbone_regularizer=L2(1e6)),
    )
    model.compile()
    values = [np.array(loss) for loss in model.losses]
    assert all(value.dtype == np.float32 and np.isfinite(value) for value in values)
    assert sum(values) > 65504  # beyond float16
    history = model.fit(x, y, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"][0])
    assert model.predict(x, verbose=0).dtype == np.float32


def test_a_tagger_is_penalised_too_and_never_on_the_pooler_it_does_not_read():
    model = TokenTagger(
        tiny(), labels=("O", "B-X"), recipe=Recipe(backbone_regularizer=L2(0.1))
    )
    assert "transformer_layer_0/self_attention_layer/query/kernel" in model.penalties
    assert "pooled_dense/kernel" not in model.penalties
    assert not any("pooled" in v.path for v in model.trainable_variables)


@pytest.mark.parametrize("how", [{"run_eagerly": True}, UNDER_XLA])
def test_several_penalties_add_up_also_on_sets(how, ids):
    """Weights move by −lr·∇ of each, the set's gradient from its formula."""
    rules = [L1(0.02), ByDepth(L2(0.1), 3.0), GroupLasso(0.01, "neurons")]
    penalties = {"backbone_regularizer": rules}
    start, plain, penalised = with_and_without("bert", penalties, ids, **how)
    for path, w in start.items():
        pull = np.zeros_like(w)
        if path.endswith("/kernel") and path != "logits/kernel":
            above = {"transformer_layer_0": 1}.get(path.partition("/")[0], 0)
            pull = 0.02 * np.sign(w) + 2 * 0.1 * 3.0**above * w
        if "feedforward" in path and path.endswith("/kernel"):
            stem = path.rpartition("feedforward")[0] + "feedforward_"
            first = start[stem + "intermediate_dense/kernel"]
            second = start[stem + "output_dense/kernel"]
            norms = np.sqrt((first**2).sum(0) + (second**2).sum(1))
            scale = 0.01 * np.sqrt(2 * 32) / norms
            pull += w * (scale if "intermediate" in path else scale[:, None])
        expected = plain[path] - RATE * pull
        np.testing.assert_allclose(penalised[path], expected, atol=5e-7, err_msg=path)


def test_a_set_is_penalised_after_loading_too(tmp_path, ids):
    x, y = ids
    penalties = {"backbone_regularizer": [L2SP(0.1), GroupLasso(0.05)]}
    model = build("bert", penalties)
    model.train_on_batch(x, y)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    (ours,), (theirs,) = (m.set_penalties.values() for m in (model, again))
    assert float(ours()) == pytest.approx(float(theirs())) and float(ours()) > 0
    assert set(ours.weights) == set(theirs.weights)
    first, second = (float(m.evaluate(x, y, verbose=0)[0]) for m in (model, again))
    assert first == pytest.approx(second)


def test_a_set_is_not_in_what_evaluate_says(ids):
    x, y = ids
    plain = build("bert", {})
    start = trained(plain)
    model = build("bert", {"backbone_regularizer": GroupLasso(5.0)}, start)
    assert model.evaluate(x, y, verbose=0) == pytest.approx(
        plain.evaluate(x, y, verbose=0)
    )
    with_it = float(model.compute_loss(x, y, model(x), training=True))
    without = float(plain.compute_loss(x, y, plain(x), training=True))
    (value,) = (float(penalty()) for penalty in model.set_penalties.values())
    assert with_it == pytest.approx(without + value, rel=1e-5)


@pytest.mark.parametrize(
    "rules, what",
    [
        ({"*/query/kernel": GroupLasso()}, "acts on several weights together"),
        ([], "at least one regularizer"),
        ([L2(0.1), None], "regularizers in a list"),
    ],
)
def test_what_cannot_be(rules, what):
    with pytest.raises(InputError, match=what):
        build("bert", {"backbone_regularizer": rules})


def test_depth_needs_blocks_of_their_own():
    with pytest.raises(InputError, match="share their weights"):
        build("albert", {"backbone_regularizer": ByDepth(L2(0.1), 2.0)})
