from __future__ import annotations

import keras
import keras_hub
import numpy as np
import pytest

from tests.backbones import KINDS, tiny
from tfreg import _compat
from tfreg._checks import InputError
from tfreg.adapt.dropout import set_dropout, silence

LENGTH = 12


def run(backbone, training=False):
    ids = np.random.default_rng(0).integers(5, 30, (2, LENGTH))
    inputs = {"token_ids": ids, "padding_mask": np.ones_like(ids)}
    if "segment_ids" in backbone.input:
        inputs["segment_ids"] = np.zeros_like(ids)
    found = backbone(inputs, training=training)
    return np.array(found["sequence_output"] if isinstance(found, dict) else found)


def random_in_training(backbone):
    return np.abs(run(backbone, True) - run(backbone, True)).max() > 1e-4


def rates(backbone, kind):
    found = _compat.dropouts([backbone])
    return [_compat.dropout_rate(dropout) for name, dropout in found if name == kind]


@pytest.mark.parametrize("kind", KINDS)
def test_rates_raised_from_zero_act(kind):
    backbone = tiny(kind, dropout=0.0)
    clean = run(backbone)
    np.testing.assert_array_equal(run(backbone, True), clean)
    set_dropout(backbone, hidden=0.5)
    assert random_in_training(backbone)
    np.testing.assert_array_equal(run(backbone), clean)  # off at inference
    set_dropout(backbone, hidden=0.0)
    np.testing.assert_allclose(run(backbone, True), clean, atol=1e-6)
    set_dropout(backbone, attention=0.5)
    assert random_in_training(backbone)
    np.testing.assert_array_equal(run(backbone), clean)


@pytest.mark.parametrize("kind", KINDS)
def test_hidden_and_attention_apart(kind):
    backbone = tiny(kind, dropout=0.1)
    set_dropout(backbone, hidden=0.3)
    assert set(rates(backbone, "hidden")) == {0.3}
    assert set(rates(backbone, "attention")) == {0.1}
    set_dropout(backbone, attention=0.2)
    assert set(rates(backbone, "hidden")) == {0.3}
    assert set(rates(backbone, "attention")) == {0.2}
    blocks = 1 if kind == "albert" else 2  # ALBERT's one block is used twice
    assert len(rates(backbone, "attention")) == blocks
    # After the embeddings, attention and feed-forward; DeBERTa's positions too.
    each = 3 if kind == "deberta" else 2
    assert len(rates(backbone, "hidden")) == 1 + each * blocks


def test_the_rate_is_the_share_that_is_dropped():
    backbone = tiny(dropout=0.0)
    set_dropout(backbone, hidden=0.25)
    (dropout,) = [x for x in backbone.layers if x.name == "embeddings_dropout"]
    out = np.array(dropout(np.ones((100, 100), "float32"), training=True))
    assert (out == 0).mean() == pytest.approx(0.25, abs=0.03)
    np.testing.assert_allclose(out[out > 0], 1 / 0.75, rtol=1e-6)


def test_attention_probabilities_are_what_is_dropped():
    """Values of one equal all outputs to the sum of the kept probabilities."""
    attention = keras.layers.MultiHeadAttention(1, 4, dropout=0.0)
    x = np.ones((1, 200, 4), "float32")
    attention(x, x)
    model = keras.Sequential([attention])
    for weight in attention.weights:
        weight.assign(keras.ops.zeros(weight.shape))
    attention._value_dense.bias.assign(keras.ops.ones((1, 4)))
    attention._output_dense.kernel.assign(np.ones((1, 4, 1)) / 4 * np.ones((1, 4, 4)))
    set_dropout(model, attention=0.5)
    kept = np.array(attention(x, x, training=True))[0, :, 0]
    assert kept.std() == pytest.approx(1 / np.sqrt(200), rel=0.3)
    assert kept.mean() == pytest.approx(1.0, abs=0.03)
    np.testing.assert_allclose(attention(x, x), 1.0, rtol=1e-5)


def test_in_a_fit_that_is_traced():
    backbone = tiny(dropout=0.0)
    set_dropout(backbone, hidden=0.5, attention=0.5)
    model = keras.Model(backbone.input, backbone(backbone.input)["pooled_output"])
    model.compile(keras.optimizers.SGD(0.0), loss="mse")
    ids = np.random.default_rng(0).integers(5, 30, (2, 4))
    x = {"token_ids": ids, "segment_ids": 0 * ids, "padding_mask": 0 * ids + 1}
    y = np.zeros((2, 32), "float32")
    losses = {float(model.train_on_batch(x, y)) for _ in range(3)}
    assert len(losses) == 3


def test_a_raised_dropout_saves(tmp_path):
    backbone = tiny(dropout=0.0)
    set_dropout(backbone, hidden=0.5)
    backbone.save(tmp_path / "backbone.keras")
    again = keras.saving.load_model(tmp_path / "backbone.keras")
    np.testing.assert_array_equal(run(again), run(backbone))


@pytest.mark.parametrize("kind", KINDS)
def test_silence(kind):
    backbone = tiny(kind, dropout=0.5)
    assert random_in_training(backbone)
    silence([backbone])
    assert set(rates(backbone, "hidden") + rates(backbone, "attention")) == {0.0}
    np.testing.assert_array_equal(run(backbone, True), run(backbone, True))


def test_silence_of_one_block_only():
    backbone = tiny(dropout=0.5)
    silence(backbone.transformer_layers[:1])
    assert sorted(rates(backbone, "attention")) == [0.0, 0.5]
    assert sorted(rates(backbone, "hidden")) == [0.0, 0.0, 0.5, 0.5, 0.5]


def test_a_backbone_without_dropout():
    plain = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    set_dropout(plain)
    with pytest.raises(InputError) as error:
        set_dropout(plain, hidden=0.1)
    assert str(error.value) == "`backbone_dropout`: Sequential has no hidden dropout"
    with pytest.raises(InputError) as error:
        set_dropout(plain, attention=0.1)
    expected = "`attention_dropout`: Sequential has no attention dropout"
    assert str(error.value) == expected


def test_keras_still_cannot_raise_a_rate_from_zero():
    """When this fails, `_compat.set_dropout_rate` can be a plain assignment."""
    backbone = keras_hub.models.BertBackbone(
        **{"vocabulary_size": 5, "num_layers": 1, "num_heads": 1, "hidden_dim": 4},
        intermediate_dim=4,
        dropout=0.0,
    )
    (dropout,) = [x for x in backbone.layers if x.name == "embeddings_dropout"]
    dropout.rate = 0.5
    with pytest.raises(AttributeError, match="seed_generator"):
        dropout(np.ones((1, 2)), training=True)
