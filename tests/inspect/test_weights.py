"""How far weights went, by hand; what pictures of them hold."""

from __future__ import annotations

import numpy as np
import pytest

from tests.backbones import tiny
from tfreg._checks import InputError
from tfreg.adapt import LoRA
from tfreg.inspect import draw_weight_distance, draw_weights, weight_distance
from tfreg.models import TextClassifier
from tfreg.recipe import Recipe


def a_model(**fields):
    return TextClassifier(tiny(), labels=("a", "b"), recipe=Recipe(**fields))


@pytest.fixture
def two():
    """A model, and the backbone it began with."""
    start, model = tiny(), a_model()
    for own, first in zip(model.backbone.weights, start.weights):
        own.assign(first)
    return model, start


def test_the_distance_of_one_block(two):
    model, start = two
    assert set(weight_distance(model, start).values()) == {0.0}
    block = model.backbone.transformer_layers[1]
    for weight in block.weights:
        weight.assign_add(0.5 * np.ones(weight.shape))
    count = sum(np.size(weight) for weight in block.weights)
    squares = sum(
        np.sum(np.square(w, dtype="float64"))
        for w in start.transformer_layers[1].weights
    )
    found = weight_distance(model, start)
    expected = np.sqrt(count * 0.25 / squares)
    assert found.pop("block 1") == pytest.approx(expected, rel=1e-5)
    assert list(found) == ["embeddings", "block 0", "pooler"]
    assert set(found.values()) == {0.0}


def test_loras_update_counts():
    model = a_model(adapter=LoRA(rank=2))
    start = tiny()
    for own in model.backbone.weights:
        for first in start.weights:
            if own.path == first.path:
                own.assign(first)
    for weight in model.trainable_weights:
        weight.assign_add(0.1 * np.ones(weight.shape))
    found = weight_distance(model, start)
    assert found == pytest.approx(weight_distance(model.merge(), start))
    assert found["block 0"] > 0 and found["embeddings"] == 0


def test_another_encoder_is_refused(two):
    with pytest.raises(InputError, match="is not the encoder"):
        weight_distance(two[0], tiny(hidden_dim=16))


def test_shared_blocks_are_one():
    model = TextClassifier(tiny("albert"), labels=("a", "b"))
    assert list(weight_distance(model, model.backbone))[:2] == ["embeddings", "block 0"]


def test_bars_of_two_models(tmp_path):
    first, second = {"embeddings": 0.1, "block 0": 0.2}, {"embeddings": 0, "block 0": 1}
    figure = draw_weight_distance({"a": first, "b": second}, tmp_path / "d.png")
    assert [bar.get_height() for bar in figure.axes[0].patches] == [0.1, 0.2, 0, 1]
    assert (tmp_path / "d.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match="of one encoder"):
        draw_weight_distance({"a": first, "b": {"embeddings": 0.1}})
    with pytest.raises(InputError, match="at least one"):
        draw_weight_distance({})


def test_histograms_hold_all_weights(two):
    model, _ = two
    kernel = model.logits.kernel
    kernel.assign(np.where(np.arange(64).reshape(32, 2) < 16, 0, kernel))
    figure = draw_weights({"zeros": model})
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["zeros, 25% zeros"]
    top = figure.axes[0].patches[0].get_xy()[:, 1]
    assert top.max() >= 16
    with pytest.raises(InputError, match="matches no weight of 'zeros'"):
        draw_weights({"zeros": model}, "no/such")
    with pytest.raises(InputError, match="at least one"):
        draw_weights({})
