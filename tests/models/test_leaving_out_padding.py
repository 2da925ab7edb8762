"""A fit that leaves out padding is the fit that does not, in fewer products."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.backbones import tiny, tokenizer
from tfreg import load_model
from tfreg.adapt import Adapter, LoRA
from tfreg.builders import build_classifier, build_regressor, build_tagger
from tfreg.heads import CRF, Linear, Projection
from tfreg.models import feeding, fitting
from tfreg.objectives import FGM, Mixup, RDrop
from tfreg.regularizers import L2SP

LENGTHS = [3, 30, 4, 12, 25, 5, 3, 18] * 2
TEXTS = [("abcdefghij" * 4)[:length] for length in LENGTHS]
NAMES = ["pos", "neg", "pos", "neg"] * 4
NUMBERS = [length / 10 for length in LENGTHS]
SENTENCES = [[*text] for text in TEXTS]
TAGS = [["B-X"] + ["O"] * (length - 1) for length in LENGTHS]


def build(task="classify", kind="bert", dropout=0.0, **fields):
    keras.utils.set_random_seed(1)
    fields = {
        "tokenizer": tokenizer(),
        "sequence_length": 48,
        "batch_size": 8,
        "epochs": 2,
        "dropout": dropout,
        "learning_rate": 1e-2,
        **fields,
    }
    backbone = tiny(kind, dropout=dropout)
    if task == "regress":
        return build_regressor(backbone, **fields)
    if task == "tag":
        return build_tagger(backbone, ("O", "B-X", "I-X"), **fields)
    return build_classifier(backbone, ("neg", "pos"), **fields)


def data(task):
    """Texts and targets, as `fit` takes them."""
    both = {"regress": (TEXTS, NUMBERS), "tag": (SENTENCES, TAGS)}
    return both.get(task, (TEXTS, NAMES))


def fitted(task="classify", **fields):
    model = build(task, **fields)
    model.fit(*data(task), verbose=0)
    return model


@pytest.mark.parametrize(
    ("task", "fields"),
    [
        ("classify", {}),
        ("classify", {"head": Linear("mean")}),
        ("classify", {"head": Linear("max")}),
        ("classify", {"head": Linear("attention")}),
        ("classify", {"head": Projection(4, layer_mix=True)}),
        ("classify", {"freeze": 1}),
        ("classify", {"objective": FGM(0.1)}),
        (
            "classify",
            {"backbone_regularizer": L2SP(0.01)},
        ),
        ("regress", {"kind": "distilbert"}),
        ("tag", {}),
        ("tag", {"head": CRF()}),
        ("tag", {"kind": "roberta", "adapter": LoRA(4)}),
        ("tag", {"adapter": Adapter(4)}),
        ("tag", {"kind": "albert"}),
        ("tag", {"steps_per_execution": 2}),
    ],
)
def test_the_same_fit(monkeypatch, tmp_path, task, fields):
    runs = []
    for leave_out in (True, False):
        monkeypatch.setattr(fitting, "serves_real_pieces", lambda _, x=leave_out: x)
        model = build(task, **fields)
        model.compile(keras.optimizers.SGD(0.05))
        cache = {"feature_cache": tmp_path} if "freeze" in fields else {}
        history = model.fit(*data(task), verbose=0, **cache).history
        assert bool(model.rooms) == leave_out
        runs.append((model, history))
    (ours, losses), (theirs, expected) = runs
    for name, values in expected.items():
        np.testing.assert_allclose(losses[name], values, rtol=2e-3, err_msg=name)
    for own, other in zip(ours.weights, theirs.weights):
        np.testing.assert_allclose(own, other, rtol=2e-3, atol=2e-4, err_msg=own.path)


@pytest.mark.parametrize("objective", [RDrop(1.0), Mixup(0.4)])
def test_objectives_with_dropout_learn(objective):
    model = fitted(dropout=0.1, objective=objective, epochs=8)
    assert model.rooms
    losses = model.history.history["loss"]
    assert losses[-1] < losses[0]


def test_the_same_seed_gives_the_same_weights():
    one, other = (fitted(dropout=0.1).get_weights() for _ in range(2))
    for ours, theirs in zip(one, other):
        np.testing.assert_array_equal(ours, theirs)


def test_not_where_it_cannot_be():
    assert fitted().rooms
    assert fitted(gradient_accumulation_steps=2).rooms == ()
    assert fitted(kind="deberta").rooms == ()
    model = build()
    model.compile(jit_compile=True)
    model.fit(TEXTS[:8], NAMES[:8], epochs=1, verbose=0)
    assert model.rooms == ()


def test_not_for_a_gpu(monkeypatch):
    """There it would wait for numbers from the device; it was not measured."""
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind])
    model = build()
    batches = feeding.feed(model, TEXTS, NAMES, seed=1).batches
    fitting.fit_ladder(model, batches, 2)
    assert model.rooms == ()


def test_a_step_is_traced_again_for_other_rooms_alone():
    model = build()
    traces = []
    for count in (16, 16, 4):
        rows = np.argsort(LENGTHS)[:count]
        texts, names = [TEXTS[row] for row in rows], [NAMES[row] for row in rows]
        model.fit(texts, names, epochs=1, verbose=0)
        traces.append(model.train_function)
    assert traces[0] is traces[1] is not traces[2]


def test_batches_of_ones_own_after_a_fit():
    """Fuller ones than any before, too."""
    model, plain = fitted(), build()
    for source, target in zip(model.weights, plain.weights):
        target.assign(source)
    x, y = np.full((8, 40), 6, "int32"), np.zeros(8, "int32")
    x = {"token_ids": x, "padding_mask": x * 0 + 1, "segment_ids": x * 0}
    found = [each.train_on_batch(x, y, return_dict=True) for each in (model, plain)]
    assert found[0]["loss"] == pytest.approx(found[1]["loss"], rel=1e-4)


def test_saved_and_fitted_on(tmp_path):
    model = fitted()
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    assert again.rooms == ()
    np.testing.assert_array_equal(again.predict(TEXTS), model.predict(TEXTS))
    again.fit(TEXTS, NAMES, verbose=0)
    assert again.rooms == model.rooms
