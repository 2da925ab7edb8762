"""A tagger whose last block answers at words alone is the tagger that does not."""

from __future__ import annotations

from functools import partial

import keras
import numpy as np
import pytest

from tests.models.test_leaving_out_padding import build as build_any
from tests.models.test_leaving_out_padding import counted_positions
from tfreg import _compat
from tfreg.adapt import Adapter, LoRA
from tfreg.data import ladder
from tfreg.heads import CRF, Projection
from tfreg.models.token_tagger import TokenTagger
from tfreg.objectives import FGM, SAM

SLOW = pytest.mark.slow
# Words of many pieces: one a letter.
LENGTHS = [3, 30, 4, 12, 25, 5, 3, 18] * 2
SENTENCES = [
    [("abcdefghij" * 4)[i : i + 3] for i in range(0, length, 3)] for length in LENGTHS
]
TAGS = [["B-X"] + ["O"] * (len(words) - 1) for words in SENTENCES]


@pytest.fixture(autouse=True)
def shapes_cost_nothing(monkeypatch):
    monkeypatch.setattr(ladder, "_LAST_SHAPE", 0.0)


build = partial(build_any, "tag")


def read_everything(monkeypatch):
    monkeypatch.setattr(TokenTagger, "reads_words", False)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        pytest.param({"head": CRF()}, marks=SLOW),
        {"kind": "roberta", "adapter": LoRA(4)},
        pytest.param({"freeze": 1}, marks=SLOW),
        pytest.param({"adapter": Adapter(4)}, marks=SLOW),
        pytest.param({"head": Projection(4), "objective": FGM(0.1)}, marks=SLOW),
        pytest.param({"objective": SAM(0.02)}, marks=SLOW),
        pytest.param({"kind": "distilbert"}, marks=SLOW),
    ],
)
def test_the_same_fit_and_the_same_answers(monkeypatch, fields):
    runs = []
    for words in (True, False):
        with monkeypatch.context() as patched:
            if not words:
                read_everything(patched)
            model = build(**fields)
            model.compile(keras.optimizers.SGD(0.05))
            dev = SENTENCES[:5], TAGS[:5]
            fit = model.fit(SENTENCES, TAGS, validation_data=dev, verbose=0)
            assert bool(model.rooms.words) == words
            runs.append((model, fit.history))
    (ours, losses), (theirs, expected) = runs
    for name, values in expected.items():
        np.testing.assert_allclose(losses[name], values, rtol=2e-3, err_msg=name)
    for own, other in zip(ours.weights, theirs.weights):
        np.testing.assert_allclose(own, other, rtol=2e-3, atol=2e-4, err_msg=own.path)
    found = ours.predict(SENTENCES)
    read_everything(monkeypatch)
    ours.compile()  # another trace
    for one, other in zip(found, ours.predict(SENTENCES), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_fewer_positions_are_computed():
    """In fits, evaluations and predictions: of each row its start and its words."""
    model = build(batch_size=16, epochs=1)
    read = sum(len(words) + 1 for words in SENTENCES)
    for pass_, most in (
        (lambda: model.fit(SENTENCES, TAGS, verbose=0), read + 8),
        (lambda: model.evaluate(SENTENCES, TAGS, verbose=0), read + 1),
        (lambda: model.predict(SENTENCES, verbose=0), read + 8),
    ):
        with counted_positions(model, last=True) as found:
            pass_()
            model.predict_function = model.test_function = None  # they count
        assert read < sum(found) <= most


def test_of_ids_every_place_is_as_ever():
    """Where there is no word, too, and where places count from the end."""
    model = build(tokenizer=None)
    ids = {
        "token_ids": np.full((2, 6), 6, "int32"),
        "padding_mask": np.array([[1, 1, 1, 1, 0, 0], [1] * 6], "int32"),
        "segment_ids": np.zeros((2, 6), "int32"),
        "word_positions": np.array([[1, 3, 0, -1], [2, 5, 4, 0]], "int32"),
    }
    with _compat.only_forward(), counted_positions(model, last=True) as counted:
        found = model(ids, training=False)
    assert counted == [8]
    np.testing.assert_allclose(found, model(ids), rtol=1e-4, atol=1e-5)
    y = np.array([[1, 0, -1, -1], [0, 0, 1, -1]], "int32")
    assert np.isfinite(model.evaluate(ids, y, verbose=0)).all()


def test_not_where_it_costs_more_nor_where_more_is_read(monkeypatch):
    model = build(head=Projection(4, layer_mix=True))
    model.fit(SENTENCES, TAGS, epochs=1, verbose=0)
    assert not model.rooms.words
    model = build()
    model.fit(SENTENCES, TAGS, epochs=1, verbose=0)
    assert model.rooms.words
    step = model.train_function
    monkeypatch.setattr(ladder, "_LAST_SHAPE", 0.25)
    model.fit(SENTENCES, TAGS, epochs=1, verbose=0)
    assert not model.rooms.words and model.train_function is not step


def test_with_dropout_the_same_seed_gives_the_same_weights():
    found = []
    for _ in range(2):
        model = build(dropout=0.1)
        model.fit(SENTENCES, TAGS, verbose=0)
        assert model.rooms.words
        found.append(model.get_weights())
    for ours, theirs in zip(*found):
        np.testing.assert_array_equal(ours, theirs)
