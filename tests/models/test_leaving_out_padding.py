"""A fit that leaves out padding is the fit that does not, in fewer products."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from itertools import pairwise
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.backbones import tiny, tokenizer
from tfreg import _compat, load_model
from tfreg._compat import workers
from tfreg.adapt import Adapter, LoRA
from tfreg.builders import build_classifier, build_regressor, build_tagger
from tfreg.data.batches import Batches
from tfreg.heads import CRF, Linear, Projection
from tfreg.models import feeding, padding
from tfreg.objectives import FGM, SAM, VAT, FreeLB, Mixup, RDrop
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


@contextmanager
def counted_positions(model, last=False):
    """How many positions a block's feed-forward multiplies, pass by pass."""
    found = []
    blocks = keras.tree.flatten(model.backbone.transformer_layers)
    block = blocks[-1 if last or model.recipe.freeze else 0]

    def note(x):
        many = tf.reduce_prod(tf.shape(x)[:-1])
        tf.py_function(lambda many: found.append(int(many)), [many], [])
        return x

    with _compat.rerouted(_compat.encoder_layers(block).intermediate, before=note):
        yield found


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("task", "fields"),
    [
        ("classify", {}),
        pytest.param("classify", {"head": Linear("mean")}, marks=SLOW),
        pytest.param("classify", {"head": Linear("max")}, marks=SLOW),
        ("classify", {"head": Linear("attention")}),
        ("classify", {"head": Projection(4, layer_mix=True)}),
        ("tag", {"freeze": 1}),
        pytest.param("classify", {"objective": FGM(0.1)}, marks=SLOW),
        pytest.param(
            "classify", {"objective": VAT(0.5), "head": Linear("mean")}, marks=SLOW
        ),
        pytest.param("tag", {"objective": FreeLB(0.1)}, marks=SLOW),
        pytest.param("regress", {"objective": SAM(0.02)}, marks=SLOW),
        (
            "classify",
            {"backbone_regularizer": L2SP(0.01)},
        ),
        ("regress", {"kind": "distilbert"}),
        pytest.param("tag", {}, marks=SLOW),
        ("tag", {"head": CRF()}),
        pytest.param("tag", {"kind": "roberta", "adapter": LoRA(4)}, marks=SLOW),
        ("tag", {"adapter": Adapter(4)}),
        pytest.param("tag", {"kind": "albert"}, marks=SLOW),
        ("tag", {"steps_per_execution": 2}),
    ],
)
def test_the_same_fit(monkeypatch, tmp_path, task, fields):
    runs = []
    for leave_out in (True, False):
        monkeypatch.setattr(padding, "serves_real_pieces", lambda _, x=leave_out: x)
        model = build(task, **fields)
        model.compile(keras.optimizers.SGD(0.05))
        cache = {"feature_cache": tmp_path} if "freeze" in fields else {}
        with counted_positions(model) as positions:
            history = model.fit(*data(task), verbose=0, **cache).history
        assert bool(model.rooms.pieces) == leave_out
        runs.append((model, history, positions))
    (ours, losses, few), (theirs, expected, many) = runs
    assert set(few) == set(ours.rooms.pieces) and len(few) == len(many)
    assert sum(few) < 0.9 * sum(many)
    for name, values in expected.items():
        np.testing.assert_allclose(losses[name], values, rtol=2e-3, err_msg=name)
    for own, other in zip(ours.weights, theirs.weights):
        np.testing.assert_allclose(own, other, rtol=2e-3, atol=2e-4, err_msg=own.path)


@pytest.mark.parametrize(
    "objective", [RDrop(1.0), pytest.param(Mixup(0.4), marks=SLOW)]
)
def test_objectives_that_need_dropout(monkeypatch, objective):
    """Other masks, and losses near by."""
    losses = []
    for leave_out in (True, False):
        monkeypatch.setattr(padding, "serves_real_pieces", lambda _, x=leave_out: x)
        model = fitted(dropout=0.05, objective=objective, epochs=8)
        assert bool(model.rooms.pieces) == leave_out
        losses.append(model.history.history["loss"])
    assert losses[0] != losses[1]
    np.testing.assert_allclose(*losses, rtol=0.2)


def test_kept_features_change_no_shape(monkeypatch, tmp_path):
    """Nor, so, a mask of dropout: what is frozen counts among the weights."""
    seen, fitted_ladder = [], Batches.fitted

    def noted(*args, **kwargs):
        seen.append(kwargs["weights"])
        return fitted_ladder(*args, **kwargs)

    monkeypatch.setattr(Batches, "fitted", noted)
    for kept in (tmp_path, False):
        build("tag", freeze=1).fit(*data("tag"), verbose=0, feature_cache=kept)
    assert seen[0] == seen[1] > 0


def test_the_same_seed_gives_the_same_weights():
    one, other = (fitted(dropout=0.1) for _ in range(2))
    assert one.rooms.pieces == other.rooms.pieces != ()
    for ours, theirs in zip(one.get_weights(), other.get_weights()):
        np.testing.assert_array_equal(ours, theirs)


def test_not_where_it_cannot_be():
    assert fitted().rooms.pieces
    assert fitted(gradient_accumulation_steps=2).rooms.pieces == ()
    assert fitted(kind="deberta").rooms.pieces == ()
    model = build()
    model.compile(jit_compile=True)
    model.fit(TEXTS[:8], NAMES[:8], epochs=1, verbose=0)
    assert model.rooms.pieces == ()


@pytest.mark.parametrize("what", ["a GPU", "replicas"])
def test_not_where_it_was_not_measured(monkeypatch, what):
    """A GPU would wait for numbers; each replica has a part of the batch."""
    model = build()
    if what == "a GPU":
        monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind])
    else:
        two = SimpleNamespace(num_replicas_in_sync=2)
        monkeypatch.setattr(workers, "strategy_of", lambda _: two)
    padding.fit_ladder(model, feeding.feed(model, TEXTS, NAMES, seed=1), 2)
    assert model.rooms.pieces == ()


def test_not_where_it_may_be_read(monkeypatch):
    """Backbones of one's own; blocks of which one computes all anyway."""
    model = build()
    monkeypatch.setattr(type(model.backbone), "__module__", "mine")
    model.fit(TEXTS, NAMES, epochs=1, verbose=0)
    assert model.rooms.pieces == ()
    monkeypatch.undo()
    block = model.backbone.transformer_layers[0]
    query, *_ = _compat.attention_layers(_compat.encoder_layers(block).attention)
    query.activity_regularizer = keras.regularizers.L2(0.1)
    model.fit(TEXTS, NAMES, epochs=1, verbose=0)
    assert model.rooms.pieces == ()


def test_a_strategy_of_one_replica():
    found = []
    for strategy in (None, tf.distribute.MirroredStrategy(["CPU:0"])):
        with strategy.scope() if strategy else nullcontext():
            model = build()
            model.compile(keras.optimizers.SGD(0.05))
        model.fit(TEXTS, NAMES, verbose=0)
        assert model.rooms.pieces
        found.append(model.get_weights())
    for ours, theirs in zip(*found):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_not_below_a_head_that_fits_alone(tmp_path):
    model = build(freeze="backbone")
    model.fit(TEXTS, NAMES, feature_cache=tmp_path, verbose=0)
    assert model.rooms.pieces == ()
    model.fit(TEXTS, NAMES, feature_cache=False, verbose=0)
    assert model.rooms.pieces


def test_a_step_is_traced_once_for_all_rooms():
    """But anew where nothing is left out any more."""
    model, steps, found = build(), [], []
    for texts in (TEXTS, TEXTS[:12], ["abc"] * 16):
        with counted_positions(model) if not steps else nullcontext() as positions:
            model.fit(texts, NAMES[: len(texts)], epochs=1, verbose=0)
        found = positions or found
        steps.append((model.train_function, model.rooms.pieces, [*found]))
    assert steps[0][0] is steps[1][0] is not steps[2][0]
    assert steps[0][1] != steps[1][1] and steps[2][1] == ()
    seen = [set(after[2][len(before[2]) :]) for before, after in pairwise(steps)]
    assert seen == [set(steps[1][1]), set()]


@SLOW
def test_xla_and_data_sets_after_a_fit_on_texts():
    model = fitted()
    dataset = tf.data.Dataset.from_tensor_slices((TEXTS, [0, 1] * 8)).batch(8)
    model.fit(dataset, epochs=1, verbose=0)
    assert model.rooms.pieces == ()
    model.fit(TEXTS, NAMES, epochs=1, verbose=0)
    assert model.rooms.pieces
    x = np.full((4, 6), 6, "int32")
    own = tf.function(lambda x: model(x, training=True), jit_compile=True)
    given = {name: tf.constant(x) for name in model.input}
    assert np.isfinite(own(given)).all()
    model.compile(jit_compile=True)
    x = {"token_ids": x, "padding_mask": x * 0 + 1, "segment_ids": x * 0}
    assert np.isfinite(model.train_on_batch(x, np.zeros(4, "int32"))[0])


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
    assert again.rooms.pieces == ()
    np.testing.assert_array_equal(again.predict(TEXTS), model.predict(TEXTS))
    again.fit(TEXTS, NAMES, verbose=0)
    assert again.rooms.pieces == model.rooms.pieces
