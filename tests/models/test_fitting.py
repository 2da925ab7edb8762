"""Several steps in one call of the compiled function are those steps."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.backbones import tiny, tokenizer
from tests.models.conftest import NAMES, SENTENCES, TAGS, TEXTS
from tfreg import load_model
from tfreg._checks import InputError
from tfreg.builders import build_classifier, build_tagger
from tfreg.models.fitting import early_stopping


def build(tag, **fields):
    keras.utils.set_random_seed(1)
    fields = {
        "tokenizer": tokenizer(),
        "sequence_length": 32,
        "batch_size": 2 if tag else 3,
        "epochs": 2,
        "learning_rate": 1e-2,
        **fields,
    }
    backbone = tiny(dropout=0.1)
    if tag:
        return build_tagger(backbone, ("O", "B-X", "I-X"), **fields)
    return build_classifier(backbone, ("neg", "pos"), **fields)


class Calls(keras.callbacks.Callback):
    """Counts the calls of the compiled function."""

    count = 0

    def on_train_batch_end(self, batch, logs=None):
        self.count += 1


@pytest.mark.parametrize("tag", [False, True])
def test_the_same_weights_and_scores_in_fewer_calls(tag):
    """Batches of many lengths, also a smaller one, and calls that do not come out."""
    x, y = (SENTENCES, TAGS) if tag else (TEXTS, NAMES)
    runs, calls = [], []
    for size in (1, 4):
        model = build(tag, steps_per_execution=size)
        calls.append(Calls())
        model.fit(x, y, validation_data=(x, y), callbacks=[calls[-1]], verbose=0)
        runs.append(model)
    one, four = runs
    steps = int(one.optimizer.iterations.numpy()) // 2
    assert steps % 4 and int(four.optimizer.iterations.numpy()) == 2 * steps
    assert (calls[0].count, calls[1].count) == (2 * steps, 2 * -(-steps // 4))
    for ours, theirs in zip(four.weights, one.weights):
        np.testing.assert_allclose(ours, theirs, atol=1e-6, err_msg=ours.path)
    for score, values in one.history.history.items():
        found = four.history.history[score]
        np.testing.assert_allclose(found, values, atol=1e-6, err_msg=score)


def test_more_steps_than_there_are_and_accumulated_ones(tmp_path):
    model = build(False, steps_per_execution=100, gradient_accumulation_steps=2)
    model.fit(TEXTS, NAMES, validation_data=(TEXTS, NAMES), verbose=0)
    assert int(model.optimizer.iterations.numpy()) == 2 * 3
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert loaded.steps_per_execution == loaded.recipe.steps_per_execution == 100
    scores = loaded.evaluate(TEXTS, NAMES, verbose=0, return_dict=True)
    assert scores == pytest.approx(
        model.evaluate(TEXTS, NAMES, verbose=0, return_dict=True), abs=1e-6
    )
    expected = model.predict(TEXTS, verbose=0)
    np.testing.assert_allclose(loaded.predict(TEXTS, verbose=0), expected, atol=1e-6)


def test_compile_may_say_otherwise():
    model = build(False, steps_per_execution=2)
    assert model.steps_per_execution == 2
    model.compile(steps_per_execution=3)
    assert model.steps_per_execution == 3


def test_steps_that_keras_would_round_up_are_refused():
    model = build(False, steps_per_execution=3)
    endless = tf.data.Dataset.from_tensor_slices((TEXTS, NAMES)).batch(2).repeat()
    for name in ("steps_per_epoch", "validation_steps"):
        message = f"`{name}` must be a multiple of steps_per_execution, 3; got 4"
        steps = {"steps_per_epoch": 3, "validation_steps": 3, name: 4}
        with pytest.raises(InputError, match=message):
            model.fit(endless, validation_data=endless, verbose=0, **steps)
    for method in (model.evaluate, model.predict):
        with pytest.raises(InputError, match="`steps` must be a multiple of"):
            method(endless, steps=4, verbose=0)
    model.fit(endless, steps_per_epoch=3, epochs=1, verbose=0)
    assert int(model.optimizer.iterations.numpy()) == 3


def test_a_step_is_traced_once(monkeypatch):
    """Variables made within it would have TensorFlow trace it again."""
    model = build_classifier(
        tiny(), ("neg", "pos"), tokenizer=tokenizer(), sequence_length=8, batch_size=2
    )
    traced = []
    step = type(model).train_step
    monkeypatch.setattr(
        type(model), "train_step", lambda *args: traced.append(1) or step(*args)
    )
    model.fit(["good", "bad"] * 2, ["pos", "neg"] * 2, epochs=2, verbose=0)
    assert len(traced) == 1


@pytest.mark.parametrize(
    ("warmup", "ran"),
    [
        (0.0, 3),
        pytest.param(0.3, 4, marks=pytest.mark.slow),
        (0.39, 5),
        pytest.param(1.0, 8, marks=pytest.mark.slow),
    ],
)
def test_patience_waits_for_nothing_while_the_rate_rises(warmup, ran):
    """8 epochs of the same dev score, of which the first is the best."""
    model = build(
        False, patience=2, epochs=8, warmup=warmup, learning_rate=1e-30, dropout=0.0
    )
    history = model.fit(TEXTS, NAMES, validation_data=(TEXTS, NAMES), verbose=0)
    assert len(history.epoch) == ran


def test_the_best_epoch_may_be_one_while_the_rate_rises():
    model = build(False, patience=1, epochs=10, warmup=0.5)
    (stopping,) = early_stopping(model, [], 10)
    stopping.set_model(model)
    stopping.on_train_begin()
    for epoch, score in enumerate((0.1, 0.9, 0.0, 0.0, 0.0, 0.0)):
        assert not model.stop_training
        model.weights[0].assign(model.weights[0] * 0 + epoch)
        stopping.on_epoch_end(epoch, {"val_accuracy": score})
    assert model.stop_training and stopping.best_epoch == 1
    np.testing.assert_array_equal(stopping.best_weights[0], 1.0)


class Weights(keras.callbacks.Callback):
    """Remembers all weights after each epoch."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(self.model.get_weights())


@pytest.mark.parametrize("freeze", [None, 1])
def test_the_weights_of_the_best_epoch_come_back(freeze):
    model = build(False, freeze=freeze, epochs=4, learning_rate=0.1)
    weights = Weights()
    history = model.fit(
        TEXTS, NAMES, validation_data=(TEXTS, NAMES), callbacks=[weights], verbose=0
    ).history
    best = int(np.argmax(history["val_accuracy"]))
    assert best < 3  # or there is nothing to put back
    for ours, theirs, last in zip(model.weights, weights.seen[best], weights.seen[3]):
        np.testing.assert_array_equal(ours, theirs, err_msg=ours.path)
        assert not ours.trainable or not np.array_equal(last, theirs)


def test_patience_without_what_it_goes_by_is_refused():
    model = build(False, patience=2)
    model.compile(metrics=[])
    data = {"validation_data": (TEXTS, NAMES), "epochs": 1, "verbose": 0}
    with pytest.raises(InputError, match="`patience` goes by 'accuracy', which is not"):
        model.fit(TEXTS, NAMES, **data)
    own = keras.callbacks.EarlyStopping("val_loss", patience=2)
    model.fit(TEXTS, NAMES, callbacks=[own], **data)


def test_weights_beside_a_data_set_are_refused():
    model = build(False)
    dataset = tf.data.Dataset.from_tensor_slices((TEXTS, NAMES)).batch(4)
    given = {"validation_data": (dataset, None, [1.0] * len(TEXTS))}
    with pytest.raises(InputError, match="`sample_weight` must be left out: a tf.data"):
        model.fit(TEXTS, NAMES, epochs=1, verbose=0, **given)
