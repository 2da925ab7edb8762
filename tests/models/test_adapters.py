"""A few weights train in place of all: which, from where, and through every save."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import pytest

import tfreg
from tests.backbones import tiny, tokenizer
from tests.models.conftest import NAMES, SENTENCES, TAGS, TEXTS, inputs_of, sgd
from tfreg._checks import DataWarning, InputError
from tfreg.adapt import Adapter, BitFit, LoRA
from tfreg.builders import build_classifier, build_tagger
from tfreg.models import TextClassifier
from tfreg.optimizers import SGD
from tfreg.recipe import Recipe
from tfreg.regularizers import L2, ProximalL1

FIELDS = {
    "sequence_length": 16,
    "dropout": 0.0,
    "learning_rate": 1e-2,
    "batch_size": 8,
}
EVERY = LoRA(2, 6.0, ["query", "value", "attention_output", "feedforward_intermediate"])
ADAPTERS = [EVERY, Adapter(4), BitFit()]


@pytest.fixture(scope="module")
def weights():
    """One encoder's weights, for all that are to be compared."""
    return [np.array(weight) for weight in tiny().weights]


def classifier(weights, **fields):
    backbone = tiny()
    for weight, value in zip(backbone.weights, weights):
        weight.assign(value)
    fields = {**FIELDS, **fields}
    return build_classifier(backbone, ("neg", "pos"), tokenizer=tokenizer(), **fields)


def values(model):
    return {v.path: np.array(v) for v in model.weights}


def head(path):
    return path.startswith("logits/")


def trains(adapter, path):
    if isinstance(adapter, BitFit):
        return path.endswith(("/bias", "/beta"))
    if isinstance(adapter, LoRA):
        return "/lora/" in path
    return "/adapter/" in path or path.endswith(("/gamma", "/beta"))


def by_keras(model, folder):
    model.save(folder / "model.keras")
    return tfreg.load_model(folder / "model.keras")


def by_preset(model, folder):
    model.save_to_preset(str(folder / "preset"))
    return tfreg.load_model(folder / "preset")


@pytest.fixture(scope="module", params=ADAPTERS, ids=lambda a: type(a).__name__)
def fitted(request, weights):
    """The adapter; the plain model's first logits and the model's; its weights; it."""
    plain = classifier(weights)
    model = classifier(weights, adapter=request.param)
    first = [m.predict(TEXTS, verbose=0) for m in (plain, model)]
    before = values(model)
    model.fit(TEXTS, NAMES, epochs=2, verbose=0)
    return request.param, first, before, model


def test_the_start_is_the_plain_model_s_the_head_s_too(fitted):
    adapter, (plain, ours), _, _ = fitted
    if isinstance(adapter, Adapter):
        np.testing.assert_allclose(ours, plain, atol=1e-6)
    else:
        np.testing.assert_array_equal(ours, plain)


def test_only_what_it_says_moves(fitted):
    adapter, _, before, model = fitted
    for path, value in values(model).items():
        expected = trains(adapter, path) or head(path)
        still = path.endswith("_layer/key/bias")  # softmax does not see it
        moved = (value != before[path]).any()
        assert moved == expected or still and expected, path
    trained = {v.path for v in model.trainable_variables}
    assert all(trains(adapter, path) or head(path) for path in trained)


@pytest.mark.parametrize("way", [by_keras, by_preset])
def test_saved_and_loaded(way, fitted, tmp_path):
    adapter, _, _, model = fitted
    loaded = way(model, tmp_path)
    assert loaded.recipe == model.recipe
    assert loaded.recipe.adapter.get_config() == adapter.get_config()
    for path, value in values(model).items():
        np.testing.assert_array_equal(values(loaded)[path], value, err_msg=path)
    trained = [v.path for v in model.trainable_variables]
    assert [v.path for v in loaded.trainable_variables] == trained
    logits = [m.predict(TEXTS, verbose=0) for m in (model, loaded)]
    np.testing.assert_array_equal(*logits)


def test_training_goes_on_after_a_reload_as_if_there_had_been_none(weights, tmp_path):
    adapter = LoRA(2, penalty=L2(1.0))
    going = classifier(weights, adapter=adapter, gradual_unfreezing=1)
    going.fit(TEXTS, NAMES, epochs=1, verbose=0)
    loaded = by_keras(going, tmp_path)
    assert len(loaded.set_penalties) == 4
    for model in (going, loaded):
        model.fit(TEXTS, NAMES, epochs=3, initial_epoch=1, verbose=0)
    for path, value in values(going).items():
        np.testing.assert_allclose(values(loaded)[path], value, atol=1e-7, err_msg=path)


def test_merged_it_computes_the_same(weights, tmp_path):
    rules = {"*/lora/*": L2(1e-3)}
    model = classifier(
        weights, adapter=EVERY, backbone_regularizer=rules, kernel_regularizer=L2(0.1)
    )
    model.fit(TEXTS, NAMES, epochs=2, verbose=0)
    before = values(model)
    merged = model.merge()
    logits = model.predict(TEXTS, verbose=0)
    np.testing.assert_allclose(merged.predict(TEXTS, verbose=0), logits, atol=1e-5)
    assert set(values(merged)) == {path for path in before if "/lora/" not in path}
    assert merged.recipe == Recipe(**FIELDS, kernel_regularizer=L2(0.1))
    assert merged.predict_labels(TEXTS[:2])[0].label in ("neg", "pos")
    kernel = "transformer_layer_1/self_attention_layer/query/kernel"
    assert np.abs(values(merged)[kernel] - before[kernel]).max() > 1e-3
    with warnings.catch_warnings():
        warnings.simplefilter(
            "error", UserWarning
        )  # an optimiser without state is no surprise
        loaded = by_keras(merged, tmp_path)
    np.testing.assert_allclose(loaded.predict(TEXTS, verbose=0), logits, atol=1e-5)
    assert len(merged.trainable_variables) == len(loaded.trainable_variables) > 30
    for path, value in values(model).items():
        np.testing.assert_array_equal(value, before[path])
    np.testing.assert_array_equal(model.predict(TEXTS, verbose=0), logits)


def test_there_must_be_lora_to_merge(weights):
    for adapter in (None, Adapter(4), BitFit()):
        with pytest.raises(InputError, match="there is no LoRA to merge"):
            classifier(weights, adapter=adapter).merge()


def test_a_new_model_on_a_saved_one_starts_with_the_updates_folded_in(
    weights, tmp_path
):
    model = classifier(weights, adapter=EVERY)
    model.fit(TEXTS, NAMES, epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    other = build_classifier(tmp_path / "model.keras", ("a", "b"), sequence_length=16)
    expected = values(model.merge())
    for weight in other.backbone.weights:
        np.testing.assert_allclose(weight, expected[weight.path], atol=1e-6)
    adapted = classifier(weights, adapter=Adapter(4))
    adapted.save(tmp_path / "adapted.keras")
    with pytest.raises(InputError, match="adapters cannot be folded"):
        build_classifier(tmp_path / "adapted.keras", ("a", "b"), sequence_length=16)


def one_step(weights, ids, penalty, **how):
    x, y = ids
    backbone = tiny()
    for weight, value in zip(backbone.weights, weights):
        weight.assign(value)
    keras.utils.set_random_seed(0)
    recipe = Recipe(dropout=0.0, adapter=LoRA(2, 6.0, penalty=penalty))
    model = TextClassifier(backbone, labels=("a", "b"), recipe=recipe)
    model.compile(sgd(), **how)
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(0.3 * random.normal(size=variable.shape))
    before = values(model)
    model.train_on_batch(inputs_of(model, x), y)
    return model, before


@pytest.mark.parametrize("how", [{"jit_compile": False}, {"jit_compile": True}])
def test_the_penalty_on_the_update_acts_by_its_gradient(weights, ids, how):
    """∇_A λ‖s·A·B‖² = 2λs²·A·B·Bᵀ and ∇_B = 2λs²·Aᵀ·A·B, by hand."""
    model, before = one_step(weights, ids, L2(0.2), **how)
    plain, _ = one_step(weights, ids, None, **how)
    penalised, without = values(model), values(plain)
    acted = 0
    for path in before:
        pull = 0.0
        if "/lora/" in path:
            a, b = (before[f"{path[:-1]}{name}"].astype("float64") for name in "ab")
            both = a @ b @ b.T if path.endswith("a") else a.T @ a @ b
            pull, acted = 2 * 0.2 * 3.0**2 * both, acted + 1
        expected = without[path] - 0.1 * pull
        np.testing.assert_allclose(penalised[path], expected, atol=2e-6, err_msg=path)
    assert acted == 8


def test_the_penalty_is_in_the_loss_of_training_only(weights, ids):
    x, y = ids
    model, _ = one_step(weights, ids, L2(10.0))
    x = inputs_of(model, x)
    total = sum(float(value()) for value in model.set_penalties.values())
    y_pred = model(x, training=False)
    plain, full = (
        float(model.compute_loss(x, y, y_pred, training=training))
        for training in (False, True)
    )
    assert full - plain == pytest.approx(total, rel=1e-5) and total > 1
    assert model.evaluate(x, y, verbose=0, return_dict=True)["loss"] < total


@pytest.mark.parametrize("adapter", [LoRA(2), Adapter(4)])
def test_proximal_steps_would_stop_it_before_it_begins(adapter, weights):
    """Under Adam a weight without a gradient is 0 at once; under SGD it is not."""
    still = "*/lora/a" if isinstance(adapter, LoRA) else "*/adapter/down*kernel"
    rules = {still: ProximalL1(1e-4)}
    with pytest.raises(InputError, match="under Adam a proximal penalty makes"):
        classifier(weights, adapter=adapter, backbone_regularizer=rules)
    backbone, recipe = tiny(), Recipe(adapter=adapter, backbone_regularizer=rules)
    model = TextClassifier(backbone, labels=("a", "b"), recipe=recipe)
    model.compile(SGD(0.1))


def test_accumulated_it_is_counted_once(weights):
    found = []
    for fields in (
        {"batch_size": 8},
        {"batch_size": 2, "gradient_accumulation_steps": 4},
    ):
        adapter = LoRA(2, penalty=L2(5.0))
        model = classifier(weights, adapter=adapter, **fields)
        model.compile(sgd())
        model.fit(TEXTS, NAMES, epochs=2, verbose=0)
        found.append(values(model))
    for path in found[0]:
        np.testing.assert_allclose(found[0][path], found[1][path], atol=1e-6)


@pytest.mark.parametrize(
    "precision", ["bfloat16", pytest.param("float16", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("adapter", [LoRA(2, penalty=L2(1e4)), Adapter(4)])
def test_mixed_precision(precision, adapter, ids):
    x, y = ids
    model = build_classifier(
        tiny(dtype=f"mixed_{precision}"),
        ("a", "b"),
        precision=precision,
        adapter=adapter,
        learning_rate=1e-2,
        sequence_length=16,
    )
    assert {v.dtype for v in model.trainable_variables} == {"float32"}
    history = model.fit(x, y, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert model.predict(x, verbose=0).dtype == np.float32


def test_a_tagger(tmp_path):
    model = build_tagger(
        tiny(),
        ("O", "B-X", "I-X"),
        tokenizer=tokenizer(),
        adapter=LoRA(2),
        **FIELDS,
    )
    model.fit(SENTENCES, TAGS, epochs=1, verbose=0)
    said = model.predict_labels(SENTENCES)
    assert by_keras(model, tmp_path).predict_labels(SENTENCES) == said
    assert model.merge().predict_labels(SENTENCES)[0][0].label == said[0][0].label


def test_above_a_frozen_block_whose_features_are_kept(weights, tmp_path, recwarn):
    found = []
    for cache in (str(tmp_path), False):
        model = classifier(weights, adapter=LoRA(2), freeze=1)
        model.fit(TEXTS, NAMES, epochs=2, verbose=0, feature_cache=cache)
        found.append(model.predict(TEXTS, verbose=0))
    np.testing.assert_allclose(*found, atol=1e-5)
    assert not [w for w in recwarn if issubclass(w.category, DataWarning)]


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"freeze": "backbone"}, "`adapter`: LoRA has nothing to act on with `freeze="),
        ({"reinitialize": 1}, "`reinitialize` acts on pretrained weights, which stand"),
        ({"child_tuning": {"class_name": "ChildTuning"}}, "`child_tuning` acts on pre"),
    ],
)
def test_what_it_cannot_go_with(fields, words):
    with pytest.raises(InputError) as error:
        Recipe(adapter=LoRA(), **fields)
    assert str(error.value).startswith(words)
