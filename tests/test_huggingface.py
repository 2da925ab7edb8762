"""Hugging Face folders compute what their config says, or are refused in one line."""

from __future__ import annotations

import json
import struct
import warnings
from pathlib import Path

import keras
import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.huggingface_folders import CONFIGS, PIECES, forward, tensors, write
from tfreg import _compat
from tfreg._checks import DataWarning, InputError
from tfreg._huggingface import load_backbone

IDS = np.array([[2, 5, 9, 11, 3], [2, 7, 3, 0, 0]])
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
SEGMENTS = np.array([[0, 0, 1, 1, 1], [0, 0, 0, 0, 0]])


def outputs(backbone, segments=SEGMENTS):
    inputs = {"token_ids": IDS, "padding_mask": MASK}
    if "segment_ids" in backbone.input:
        inputs["segment_ids"] = segments
    found = backbone(inputs)
    if not isinstance(found, dict):
        return np.array(found), None
    return np.array(found["sequence_output"]), np.array(found["pooled_output"])


def assert_rows(found, expected):
    np.testing.assert_allclose(found[MASK > 0], expected[MASK > 0], atol=2e-5)


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "relu"])
@pytest.mark.parametrize("epsilon", [1e-12, 0.1])
def test_bert_is_what_numpy_says(tmp_path, activation, epsilon):
    write(tmp_path, hidden_act=activation, layer_norm_eps=epsilon)
    backbone, has_pooler = load_backbone(tmp_path, "float32")
    rows, pooled = forward(
        tensors(), IDS, MASK, SEGMENTS, activation=activation, epsilon=epsilon
    )
    found, found_pooled = outputs(backbone)
    assert_rows(found, rows)
    np.testing.assert_allclose(found_pooled, pooled, atol=2e-5)
    assert has_pooler


def test_the_activations_are_told_apart():
    exact, approximate = (
        forward(tensors(), IDS, MASK, SEGMENTS, activation=activation)[0]
        for activation in ("gelu", "gelu_new")
    )
    assert np.abs(exact - approximate).max() > 1e-4


@pytest.mark.parametrize("prefix", ["", None])
@pytest.mark.parametrize("kind", list(CONFIGS))
def test_every_family_with_and_without_its_prefix(tmp_path, kind, prefix):
    if prefix is None:
        prefix = ("roberta" if "roberta" in kind else kind) + "."
    write(tmp_path, kind, prefix=prefix)
    backbone, has_pooler = load_backbone(tmp_path, "float32")
    nothing = np.zeros_like(SEGMENTS)
    activation = "gelu"
    rows, pooled = forward(
        tensors(kind), IDS, MASK, nothing, kind=kind, activation=activation
    )
    found, found_pooled = outputs(backbone, nothing)
    assert_rows(found, rows)
    assert has_pooler == (kind in ("bert", "albert"))
    if has_pooler:
        np.testing.assert_allclose(found_pooled, pooled, atol=2e-5)


def test_three_segments_and_old_names_of_layer_norm(tmp_path):
    weights = tensors(segments=3)
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): value
        for name, value in weights.items()
    }
    write(tmp_path, weights=old, prefix="bert.", type_vocab_size=3)
    backbone, _ = load_backbone(tmp_path, "float32")
    rows, _ = forward(weights, IDS, MASK, SEGMENTS + 1)
    assert_rows(outputs(backbone, SEGMENTS + 1)[0], rows)


def test_without_a_pooler(tmp_path):
    weights = {k: v for k, v in tensors().items() if not k.startswith("pooler")}
    backbone, has_pooler = load_backbone(write(tmp_path, weights=weights), "float32")
    assert not has_pooler
    pooler = [weight.numpy() for weight in backbone.get_layer("pooled_dense").weights]
    assert pooler[0].all() and not pooler[1].any()  # as they start
    assert_rows(outputs(backbone)[0], forward(weights, IDS, MASK, SEGMENTS)[0])


def test_shards(tmp_path):
    weights = tensors()
    write(tmp_path, weights=weights)
    (tmp_path / "model.safetensors").unlink()
    places = {}
    for i, name in enumerate(sorted(weights)):
        places[name] = f"model-{i % 3}.safetensors"
    for file in set(places.values()):
        part = {name: weights[name] for name in places if places[name] == file}
        save_file(part, tmp_path / file)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    backbone, _ = load_backbone(tmp_path, "float32")
    assert_rows(outputs(backbone)[0], forward(weights, IDS, MASK, SEGMENTS)[0])

    for bad in ("../model-0.safetensors", "/etc/passwd", "a\\b.safetensors", 3):
        index.write_text(json.dumps({"weight_map": {**places, "pooler.x": bad}}))
        with pytest.raises(InputError, match="must lie in a file of this folder"):
            load_backbone(tmp_path, "float32")
    index.write_text(json.dumps({"weight_map": {**places, "a": "b.safetensors"}}))
    with pytest.raises(InputError, match="b.safetensors is missing"):
        load_backbone(tmp_path, "float32")
    index.write_text(json.dumps({"weight_map": {**places, "a": "model-0.safetensors"}}))
    with pytest.raises(InputError, match="the index promises a in it"):
        load_backbone(tmp_path, "float32")


def test_dropout_rates_come_from_the_config(tmp_path):
    write(tmp_path, hidden_dropout_prob=0.2, attention_probs_dropout_prob=0.0)
    backbone, _ = load_backbone(tmp_path, "float32")
    rates = {"hidden": set(), "attention": set()}
    for kind, dropout in _compat.dropouts([backbone]):
        rates[kind].add(_compat.dropout_rate(dropout))
    assert rates == {"hidden": {0.2}, "attention": {0.0}}


@pytest.mark.parametrize("half", [np.float16, ml_dtypes.bfloat16])
def test_half_precision_weights_become_float32(tmp_path, half):
    weights = {name: value.astype(half) for name, value in tensors().items()}
    backbone, _ = load_backbone(write(tmp_path, weights=weights), "mixed_bfloat16")
    assert backbone.dtype_policy.name == "mixed_bfloat16"
    assert {keras.backend.standardize_dtype(w.dtype) for w in backbone.weights} == {
        "float32"
    }
    embedding = weights["embeddings.word_embeddings.weight"].astype("float32")
    np.testing.assert_array_equal(backbone.token_embedding.embeddings, embedding)


def test_foreign_heads_are_named_once_and_left(tmp_path):
    weights = {f"bert.{name}": value for name, value in tensors().items()}
    weights["cls.predictions.bias"] = weights["classifier.weight"] = np.ones(3, "f")
    write(tmp_path, weights=weights)
    with pytest.warns(DataWarning) as caught:
        load_backbone(tmp_path, "float32")
    [message] = [str(warning.message) for warning in caught]
    for name in ("cls.predictions.bias", "classifier.weight"):
        assert name in message


def test_nothing_is_warned_about_an_ordinary_folder(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_backbone(write(tmp_path), "float32")
        buffer = changed(**{"embeddings.position_ids": np.arange(4)[None]})
        load_backbone(write(tmp_path, weights=buffer), "float32")


def changed(**values):
    return {**tensors(), **values}


LAST = "encoder.layer.1.output.dense.bias"
WRONG_WEIGHTS = {
    "not finite": (changed(**{LAST: np.full(8, np.nan, "f")}), LAST),
    "infinite": (changed(**{LAST: np.full(8, np.inf, "f")}), "not finite"),
    "integers": (changed(**{LAST: np.ones(8, "int8")}), "int8"),
    "shape": (changed(**{LAST: np.ones(9, "f")}), r"shape \(9,\)"),
    "missing": ({k: v for k, v in tensors().items() if k != LAST}, f"lack {LAST}"),
    "half a pooler": (
        {k: v for k, v in tensors().items() if k != "pooler.dense.bias"},
        "lack pooler.dense.bias",
    ),
    "a layer too few": (tensors(layers=1), "lack encoder.layer.1.*and 12 more"),
    "a layer too many": (tensors(layers=3), "no place for encoder.layer.2"),
    "twice": (changed(**{"bert." + LAST: tensors()[LAST]}), "one and the same"),
    "nothing": ({"classifier.bias": np.ones(2, "f")}, "lack embeddings"),
}


@pytest.mark.parametrize("case", WRONG_WEIGHTS)
def test_wrong_weights_are_refused(tmp_path, case):
    weights, message = WRONG_WEIGHTS[case]
    write(tmp_path, weights=weights)
    with pytest.raises(InputError, match=message) as error:
        load_backbone(tmp_path, "float32")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "setting, value",
    [
        ("model_type", "electra"),
        ("model_type", "deberta-v2"),
        ("model_type", ["bert"]),
        ("position_embedding_type", "relative_key"),
        ("is_decoder", True),
        ("quantization_config", {"bits": 4}),
        ("hidden_act", "mish"),
        ("layer_norm_eps", 0),
        ("hidden_dropout_prob", 1.5),
        ("num_hidden_layers", "two"),
        ("num_attention_heads", 3),
        ("vocab_size", 10**15),
        ("vocab_size", 17),
        ("max_position_embeddings", 11),
    ],
)
def test_configs_that_cannot_be_followed_are_refused(tmp_path, setting, value):
    write(tmp_path, **{setting: value})
    with pytest.raises(InputError, match=str(tmp_path)) as error:
        load_backbone(tmp_path, "float32")
    assert "\n" not in str(error.value)


def test_a_size_that_is_not_in_the_config_is_named(tmp_path):
    write(tmp_path, drop=("intermediate_size",))
    with pytest.raises(InputError, match="intermediate_size"):
        load_backbone(tmp_path, "float32")


def test_roberta_positions_start_behind_its_padding_id(tmp_path):
    write(tmp_path, "roberta", pad_token_id=0)
    with pytest.raises(InputError, match="pad_token_id"):
        load_backbone(tmp_path, "float32")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _header(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 2**60) + b"{}")


@pytest.mark.parametrize(
    "file, damage, message",
    [
        ("model.safetensors", _cut, "cut or damaged"),
        ("model.safetensors", _header, "cut or damaged"),
        ("model.safetensors", lambda path: path.write_bytes(b""), "cut or damaged"),
        ("model.safetensors", Path.unlink, "neither model.safetensors nor"),
        (
            "model.safetensors",
            lambda path: path.rename(path.with_name("pytorch_model.bin")),
            "save_pretrained",
        ),
        ("config.json", Path.unlink, "config.json is missing"),
        ("config.json", lambda path: path.write_text("{"), "not readable as JSON"),
        ("config.json", lambda path: path.write_text("[]"), "expected a JSON object"),
        ("config.json", lambda path: path.write_bytes(b"\xff"), "not readable"),
    ],
)
def test_damaged_folders_are_refused(tmp_path, file, damage, message):
    damage(write(tmp_path) / file)
    with pytest.raises(InputError, match=message) as error:
        load_backbone(tmp_path, "float32")
    assert "\n" not in str(error.value)
    assert len(PIECES) == CONFIGS["bert"]["vocab_size"]
