"""The choice is a rule on measured seconds; what is measured is somebody's machine."""

from __future__ import annotations

import json
import math

import pytest

from tests.backbones import tiny
from tests.tiny_preset import save_tiny_preset
from tfreg import load_model, precision
from tfreg._checks import InputError
from tfreg.builders import build_classifier, build_regressor, build_tagger
from tfreg.models import TextClassifier
from tfreg.precision import choose, measure, pick_precision
from tfreg.recipe import Recipe

LABELS = ("neg", "pos")


@pytest.mark.parametrize(
    "float32, bfloat16, float16, picked",
    [
        (1.0, 0.5, None, "bfloat16"),
        (1.2, 1.0, None, "bfloat16"),
        (1.19, 1.0, None, "float32"),
        (1.0, 9.0, None, "float32"),
        (1.0, 0.5, 0.1, "bfloat16"),  # the wider range is worth more than the speed
        (1.0, 0.9, 0.5, "float16"),
        (1.0, 1.0, 0.9, "float32"),
    ],
)
def test_the_rule(float32, bfloat16, float16, picked):
    seconds = {"float32": float32, "bfloat16": bfloat16}
    if float16 is not None:
        seconds["float16"] = float16
    assert choose(seconds) == picked


def test_what_is_measured():
    seconds = measure()
    assert {"float32", "bfloat16"} <= set(seconds)
    assert all(0 < value < math.inf for value in seconds.values())
    assert measure() is seconds  # all models of a process are built alike


@pytest.mark.parametrize(("device", "tried"), [("cpu", False), ("gpu", True)])
def test_float16_is_tried_on_gpus_only(device, tried, monkeypatch):
    monkeypatch.setattr(precision, "_device", lambda: device)
    monkeypatch.setattr(precision, "_TOKENS", {device: 8})
    assert ("float16" in measure.__wrapped__()) == tried


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    return str(save_tiny_preset(tmp_path_factory.mktemp("presets") / "tiny"))


def test_auto_is_settled_when_the_model_is_built_and_saved_so(preset, tmp_path, capsys):
    recipe = Recipe(precision="auto", sequence_length=16)
    model = build_classifier(preset, LABELS, recipe=recipe)
    picked = model.recipe.precision
    assert picked in ("float32", "bfloat16", "float16")
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"precision: {picked}, as a matrix product on this ")
    assert model.backbone.compute_dtype == picked
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert loaded.recipe.precision == picked
    assert loaded.backbone.compute_dtype == picked
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("picked", ["float32", "bfloat16", "float16"])
def test_every_task_is_built_in_what_was_picked(picked, preset, monkeypatch, capsys):
    seconds = {"float32": 0.03, "bfloat16": 0.03, "float16": 0.03, picked: 0.01}
    monkeypatch.setattr(precision, "measure", lambda: seconds)
    fields = {"precision": "auto", "sequence_length": 16}
    models = [
        build_classifier(preset, LABELS, **fields),
        build_regressor(preset, **fields),
        build_tagger(preset, ("O", "B-X"), **fields),
    ]
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 3 and all(f" 10 ms in {picked}" in line for line in said)
    for model in models:
        assert model.recipe == Recipe(precision=picked, sequence_length=16)
        assert model.backbone.compute_dtype == picked


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_a_backbone_stays_as_it_was_built(name, monkeypatch, capsys):
    monkeypatch.setattr(precision, "measure", None)
    backbone = tiny(dtype={"float32": "float32", "bfloat16": "mixed_bfloat16"}[name])
    assert pick_precision(backbone) == (name, "in which the backbone was built")
    model = build_regressor(backbone, precision="auto", sequence_length=16)
    assert model.recipe.precision == name
    expected = f"precision: {name}, in which the backbone was built\n"
    assert capsys.readouterr().out == expected


def test_a_backbone_of_another_kind_is_refused_as_ever():
    with pytest.raises(InputError, match="this one has 'bfloat16'"):
        build_regressor(tiny(dtype="bfloat16"), precision="auto", sequence_length=16)


def test_a_model_never_holds_auto():
    with pytest.raises(InputError, match="'auto' is for the builders"):
        TextClassifier(tiny(), labels=LABELS, recipe=Recipe(precision="auto"))
    assert "auto" in json.dumps(Recipe(precision="auto").to_json())
