"""What was trained, and a reference to the preset: enough, and of that preset only."""

from __future__ import annotations

import json
import shutil

import keras
import numpy as np
import pytest

import tfreg
from tests.huggingface_folders import tensors, write
from tests.tiny_preset import reviews, save_tiny_preset
from tfreg._checks import InputError
from tfreg.adapt import Adapter, BitFit, LoRA
from tfreg.builders import build_classifier, build_tagger
from tfreg.models.trained import save_trained
from tfreg.regularizers import L2SP

TEXTS, NAMES = zip(*reviews(16))
FIELDS = {"sequence_length": 16, "learning_rate": 1e-2, "batch_size": 8}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A preset, and a folder of what was trained on it with LoRA."""
    folder = tmp_path_factory.mktemp("trained")
    preset = str(save_tiny_preset(folder / "tiny"))
    model = build_classifier(preset, ("neg", "pos"), adapter=LoRA(2), **FIELDS)
    model.fit(list(TEXTS), list(NAMES), epochs=2, verbose=0)
    (folder / "run").mkdir()
    save_trained(model, folder / "run", preset)
    np.save(folder / "logits.npy", model.predict(list(TEXTS), verbose=0))
    return folder


def logits(model):
    return model.predict(list(TEXTS), verbose=0)


def test_it_is_small_and_enough(place):
    size = sum(file.stat().st_size for file in (place / "run").iterdir())
    weights = (place / "tiny" / "model.weights.h5").stat().st_size
    assert size < weights / 2
    model = tfreg.load_model(place / "run")
    np.testing.assert_array_equal(logits(model), np.load(place / "logits.npy"))
    assert model.labels == ("neg", "pos") and type(model.recipe.adapter) is LoRA
    assert model.optimizer is not None
    again = tfreg.load_model(place / "run", preset=place / "tiny")
    np.testing.assert_array_equal(logits(again), logits(model))


def test_what_is_in_it(place):
    from safetensors.numpy import load_file

    stored = set(load_file(place / "run" / "trained.safetensors"))
    model = tfreg.load_model(place / "run")
    assert stored == {v.path for v in model.trainable_variables}
    about = json.loads((place / "run" / "trained.json").read_text())
    assert about["preset"] == str(place / "tiny")
    assert about["config"]["recipe"]["adapter"]["class_name"] == "LoRA"
    assert "backbone" not in about["config"]


@pytest.mark.parametrize("what", ["weights", "vocabulary", "gone"])
def test_another_preset_is_refused(place, tmp_path, what):
    shutil.copytree(place / "run", tmp_path / "run")
    other = tmp_path / "tiny"
    shutil.copytree(place / "tiny", other)
    if what == "weights":
        import keras_hub

        backbone = keras_hub.models.Backbone.from_preset(str(other))
        backbone.token_embedding.embeddings.assign_add(
            1e-3 * keras.ops.ones(backbone.token_embedding.embeddings.shape)
        )
        backbone.save_to_preset(str(other))
    elif what == "vocabulary":
        file = other / "assets" / "tokenizer" / "vocabulary.txt"
        words = file.read_text().splitlines()
        words[5], words[6] = words[6], words[5]
        file.write_text("\n".join(words))
    else:
        shutil.rmtree(other)
    message = "its weights or its tokenizer have changed"
    if what == "gone":
        message = (
            r"run stands on the preset .*is unknown.*load_model\(..., preset=...\)"
        )
    with pytest.raises(InputError, match=message):
        tfreg.load_model(tmp_path / "run", preset=str(other))


@pytest.mark.parametrize(
    "adapter, rules",
    [(Adapter(4), None), (BitFit(), {"transformer_layer_*/bias": L2SP(0.5)})],
)
def test_other_adaptations_and_anchors(place, tmp_path, adapter, rules):
    preset = str(place / "tiny")
    model = build_tagger(
        preset, ("O", "B-X"), adapter=adapter, backbone_regularizer=rules, **FIELDS
    )
    model.fit([["film", "good"]] * 4, [["O", "B-X"]] * 4, epochs=1, verbose=0)
    save_trained(model, tmp_path, preset)
    loaded = tfreg.load_model(tmp_path)
    values = {v.path: np.array(v) for v in model.weights}
    for variable in loaded.weights:
        np.testing.assert_array_equal(variable, values[variable.path])
    penalties = [sorted(map(float, m.losses)) for m in (model, loaded)]
    np.testing.assert_allclose(*penalties, rtol=1e-6)
    assert (sum(penalties[0]) > 0) == (rules is not None)


@pytest.mark.parametrize(
    "file, content, message",
    [
        ("trained.json", None, "No such file"),
        ("trained.json", "{", "damaged"),
        ("trained.json", "{}", "damaged"),
        ("trained.safetensors", "not a tensor", "damaged"),
    ],
)
def test_broken_files(place, tmp_path, file, content, message):
    shutil.copytree(place / "run", tmp_path / "run")
    (tmp_path / "run" / file).unlink()
    if content is not None:
        (tmp_path / "run" / file).write_text(content)
    with pytest.raises(InputError, match=message):
        tfreg.load_model(tmp_path / "run")


def test_files_that_do_not_belong_together(place, tmp_path):
    shutil.copytree(place / "run", tmp_path / "run")
    file = tmp_path / "run" / "trained.json"
    about = json.loads(file.read_text())
    for change, message in (
        ({"class": "tfreg>LoRA"}, "is no model of tfreg"),
        ({"class": "nobody>Nothing"}, "is no model of tfreg"),
        ({"config": {**about["config"], "labels": ["a", "b", "c"]}}, "not those of"),
    ):
        file.write_text(json.dumps({**about, **change}))
        with pytest.raises(InputError, match=message):
            tfreg.load_model(tmp_path / "run")


def test_a_new_model_on_what_was_trained(place):
    """Its encoder is the preset's with the updates folded in."""
    model = tfreg.load_model(place / "run")
    other = build_classifier(place / "run", ("a", "b"), sequence_length=16)
    merged = {w.path: np.array(w) for w in model.merge().backbone.weights}
    for weight in other.backbone.weights:
        np.testing.assert_allclose(weight, merged[weight.path], atol=1e-6)


def test_a_preset_that_is_not_needed(place, tmp_path):
    model = tfreg.load_model(place / "run")
    model.save(tmp_path / "model.keras")
    with pytest.raises(InputError, match="`preset`: .* holds all of its model"):
        tfreg.load_model(tmp_path / "model.keras", preset="minilm")


def test_on_a_preset_without_a_pooler(tmp_path):
    """What is drawn in its place, anew each time, is nothing of the preset."""
    stored = {k: v for k, v in tensors().items() if not k.startswith("pooler")}
    preset = str(write(tmp_path / "bert", weights=stored))
    fields = {**FIELDS, "sequence_length": 8}
    model = build_classifier(preset, ("neg", "pos"), adapter=LoRA(2), **fields)
    model.compile()
    save_trained(model, tmp_path, preset)
    keras.utils.set_random_seed(123)
    loaded = tfreg.load_model(tmp_path)
    poolers = [m.backbone.get_layer("pooled_dense").kernel for m in (model, loaded)]
    assert np.abs(np.subtract(*map(np.array, poolers))).max() > 1e-3
    np.testing.assert_allclose(logits(loaded), logits(model), atol=1e-6)
