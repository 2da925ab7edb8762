"""Penalties, anchors, labels and frozen parts survive every way of saving."""

from __future__ import annotations

import subprocess
import sys
import warnings

import keras
import keras_hub
import numpy as np
import pytest

import tfreg
from tests.backbones import tiny, tokenizer
from tests.models.conftest import NAMES, SENTENCES, TAGS, TEXTS
from tfreg._checks import InputError
from tfreg.builders import build_classifier, build_regressor, build_tagger
from tfreg.regularizers import L2, L2SP

FIELDS = {
    "sequence_length": 32,
    "dropout": 0.0,
    "backbone_regularizer": L2SP(0.5),
    "kernel_regularizer": L2(0.1),
    "learning_rate": 1e-2,
    "batch_size": 8,
}


def classifier(**fields):
    return build_classifier(
        tiny(), ("neg", "pos"), tokenizer=tokenizer(), **{**FIELDS, **fields}
    )


def weights(model):
    return {v.path: np.array(v) for v in model.weights if "seed" not in v.path}


def assert_same(one, other, atol=0.0):
    one, other = weights(one), weights(other)
    assert one.keys() == other.keys()
    for path in one:
        np.testing.assert_allclose(one[path], other[path], atol=atol, err_msg=path)


def by_keras(model, folder):
    model.save(folder / "model.keras")
    return tfreg.load_model(folder / "model.keras")


def for_answers(model, folder):
    model.save(folder / "model.keras")
    return tfreg.load_model(folder / "model.keras", compile=False)


def by_preset(model, folder):
    model.save_to_preset(str(folder / "preset"))
    return tfreg.load_model(folder / "preset")


@pytest.fixture(scope="module")
def trained():
    model = classifier()
    model.fit(TEXTS, NAMES, epochs=1, verbose=0)
    return model


def test_xla_is_chosen_where_a_model_is_loaded(tmp_path):
    model = classifier()
    assert model.jit_compile is False  # on TensorFlow
    config = model.get_compile_config()
    model.compile_from_config({**config, "jit_compile": "auto"})  # saved on JAX
    assert model.jit_compile is False
    model.compile(jit_compile=True)  # the user's own word stays
    assert by_keras(model, tmp_path).jit_compile is True


@pytest.mark.parametrize("way", [by_keras, for_answers, by_preset])
def test_a_loaded_model_is_the_same(way, trained, tmp_path):
    loaded = way(trained, tmp_path)
    assert type(loaded) is type(trained)
    assert (
        loaded.labels == ("neg", "pos")
        and loaded.recipe == trained.recipe
        or (loaded.recipe.to_json() == trained.recipe.to_json())
    )
    assert_same(loaded, trained)
    assert len(trained.anchors) == len(loaded.anchors) == 13
    penalties = sorted(map(float, trained.losses))
    assert max(penalties) > 0
    np.testing.assert_allclose(sorted(map(float, loaded.losses)), penalties, rtol=1e-6)
    assert loaded.predict_labels(TEXTS[:4]) == trained.predict_labels(TEXTS[:4])
    again = way(loaded, tmp_path)  # a second save
    assert_same(again, trained)
    np.testing.assert_allclose(sorted(map(float, again.losses)), penalties, rtol=1e-6)


def test_training_goes_on_after_a_reload_as_if_there_had_been_none(tmp_path):
    going = classifier()
    going.fit(TEXTS, NAMES, epochs=2, verbose=0)
    loaded = by_keras(going, tmp_path)
    assert int(loaded.optimizer.iterations.numpy()) == 4
    for model in (going, loaded):
        model.fit(TEXTS, NAMES, epochs=4, initial_epoch=2, verbose=0)
    assert_same(going, loaded, atol=1e-7)
    start = going.anchors["pooled_dense/kernel"]
    assert np.abs(np.array(start) - np.array(going.backbone.pooled_dense.kernel)).max()


def test_weights_reload_brings_the_anchors_too(trained, tmp_path):
    trained.save_weights(tmp_path / "model.weights.h5")
    other = classifier(seed=5)
    other.load_weights(tmp_path / "model.weights.h5")
    assert_same(other, trained)
    np.testing.assert_allclose(
        list(map(float, other.losses)), list(map(float, trained.losses)), rtol=1e-6
    )


def test_building_on_a_saved_model_anchors_at_its_loaded_weights(trained, tmp_path):
    trained.save(tmp_path / "model.keras")
    other = build_classifier(
        tmp_path / "model.keras",
        ("a", "b", "c"),
        sequence_length=32,
        backbone_regularizer=L2SP(1.0),
    )
    assert sum(map(float, other.losses)) == 0.0
    for one, two in zip(other.backbone.variables, trained.backbone.variables):
        if "seed" not in one.path:
            np.testing.assert_array_equal(one, two)
    assert other.preprocessor.tokenizer.get_vocabulary()[-1] == "the"


def test_rates_frozen_parts_and_precision_survive(tmp_path):
    model = classifier(
        backbone_dropout=0.3,
        attention_dropout=0.2,
        freeze=1,
        backbone_regularizer=None,
        precision="float32",
    )
    loaded = by_keras(model, tmp_path)
    for m in (model, loaded):
        first, second = m.backbone.transformer_layers
        assert second._feedforward_dropout.rate == 0.3
        assert second._self_attention_layer._dropout == 0.2
        assert first._feedforward_dropout.rate == 0.0  # frozen blocks stand still
        assert not first.trainable and second.trainable
    assert len(model.trainable_variables) == len(loaded.trainable_variables)


def test_regressor_and_tagger_survive(tmp_path):
    regressor = build_regressor(
        tiny(), tokenizer=tokenizer(), sequence_length=32, **{"freeze": "embeddings"}
    )
    pairs = (TEXTS, TEXTS)
    loaded = by_keras(regressor, tmp_path)
    np.testing.assert_allclose(
        loaded.predict(pairs, verbose=0), regressor.predict(pairs, verbose=0), atol=1e-6
    )
    tagger = build_tagger(
        tiny(), ("O", "B-X", "I-X"), tokenizer=tokenizer(), sequence_length=16
    )
    tagger.fit(SENTENCES, TAGS, epochs=1, verbose=0)
    for way in (by_keras, by_preset):
        other = way(tagger, tmp_path / "tagger" if way is by_preset else tmp_path)
        assert other.predict_labels(SENTENCES) == tagger.predict_labels(SENTENCES)


@pytest.mark.parametrize("first", ["import tfreg, keras", "import keras, tfreg"])
def test_keras_loads_our_models_in_either_import_order(first, trained, tmp_path):
    file = tmp_path / "model.keras"
    trained.save(file)
    code = f"{first}\nprint(type(keras.saving.load_model({str(file)!r})).__name__)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip().endswith("TextClassifier"), done.stderr[-2000:]


def test_the_optimizer_state_is_loaded_without_a_warning(trained, tmp_path):
    trained.save(tmp_path / "model.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = tfreg.load_model(tmp_path / "model.keras")
    for one, two in zip(trained.optimizer.variables, loaded.optimizer.variables):
        np.testing.assert_array_equal(np.array(one), np.array(two))
    assert loaded.optimizer.no_decay == trained.optimizer.no_decay


def test_what_only_answers_has_no_optimizer_state(trained, tmp_path):
    trained.save(tmp_path / "model.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = tfreg.load_model(tmp_path / "model.keras", compile=False)
    assert len(loaded.optimizer.variables) == 1  # steps done
    assert len(trained.optimizer.variables) > 20
    one, other = (m.evaluate(TEXTS, NAMES, verbose=0) for m in (trained, loaded))
    np.testing.assert_allclose(one, other, rtol=1e-6)


def test_kerashub_still_gives_its_own_classes(tmp_path):
    """A subclass of a KerasHub task would take over its `from_preset`."""
    tiny().save_to_preset(str(tmp_path))
    tokenizer().save_to_preset(str(tmp_path))
    task = keras_hub.models.TextClassifier.from_preset(str(tmp_path), num_classes=2)
    assert type(task) is keras_hub.models.BertTextClassifier


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("nothing.keras", None, "no such file or folder"),
        ("folder", "", "no saved model in it"),
        ("broken.keras", "not a zip", "damaged"),
    ],
)
def test_what_cannot_be_loaded_says_so(name, content, message, tmp_path):
    path = tmp_path / name
    if content == "":
        path.mkdir()
    elif content:
        path.write_text(content)
    with pytest.raises(InputError, match=message):
        tfreg.load_model(path)


def test_a_model_that_is_not_ours_is_refused(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.save(tmp_path / "other.keras")
    with pytest.raises(InputError, match="not a tfreg model"):
        tfreg.load_model(tmp_path / "other.keras")


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_preset_keeps_its_precision(precision, tmp_path):
    policy = "float32" if precision == "float32" else f"mixed_{precision}"
    model = build_classifier(
        tiny(dtype=policy), ("neg", "pos"), tokenizer=tokenizer(), precision=precision,
        sequence_length=32,
    )  # fmt: skip
    loaded = by_preset(model, tmp_path)
    assert loaded.backbone.dtype_policy.name == policy
    assert_same(loaded, model)


def test_a_kerashub_task_is_not_ours_to_load(tmp_path):
    task = keras_hub.models.BertTextClassifier(tiny(), num_classes=2)
    task.save_to_preset(str(tmp_path))
    with pytest.raises(InputError, match="no saved model in it"):
        tfreg.load_model(tmp_path)


def test_a_preset_of_another_task_says_so(trained, tmp_path):
    trained.save_to_preset(str(tmp_path))
    assert type(tfreg.TextClassifier.from_preset(str(tmp_path))) is type(trained)
    with pytest.raises(InputError, match="holds a TextClassifier, not a TokenTagger"):
        tfreg.TokenTagger.from_preset(str(tmp_path))
