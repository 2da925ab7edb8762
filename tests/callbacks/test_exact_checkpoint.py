"""A fit that is stopped and started again ends where one that was not does."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.callbacks.fitted import check_equal, fit, model_of
from tests.models.conftest import NAMES, TEXTS
from tfreg._checks import InputError
from tfreg.callbacks import AdaptiveStrength, ExactCheckpoint
from tfreg.data.augment import Swap
from tfreg.optimizers import AdamW
from tfreg.regularizers import L2SP


class Kill(keras.callbacks.Callback):
    """Ends the process, as it were, in the middle of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("epoch", "fields"),
    [
        (1, {"word_dropout": 0.1, "mixout": 0.3, "gradual_unfreezing": 1}),
        pytest.param(
            3,
            {"swa": 0.5, "patience": 3, "layer_decay": 0.9},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_stopped_and_started_again(epoch, fields, tmp_path):
    whole = model_of(**fields)
    expected = fit(whole)
    with pytest.raises(KeyboardInterrupt):
        fit(model_of(**fields), ExactCheckpoint(tmp_path), Kill(epoch))
    again = model_of(**fields)
    history = fit(again, ExactCheckpoint(tmp_path))
    check_equal(again, history, whole, expected)


def test_ids_are_in_the_order_they_had(tmp_path):
    random = np.random.default_rng(0)
    ids = random.integers(5, 20, (16, 6)).astype("int32")
    x = {"token_ids": ids, "padding_mask": ids * 0 + 1, "segment_ids": ids * 0}

    def fitted(*callbacks):
        model = model_of(tokenizer=None)
        found = model.fit(x, ids[:, 0] % 2, callbacks=[*callbacks], verbose=0)
        return model, found.history

    whole, expected = fitted()
    with pytest.raises(KeyboardInterrupt):
        fitted(ExactCheckpoint(tmp_path), Kill(2))
    again, history = fitted(ExactCheckpoint(tmp_path))
    check_equal(again, history, whole, expected)
    with pytest.raises(InputError, match="with `steps_per_epoch` an epoch begins"):
        model_of(tokenizer=None).fit(
            x, ids[:, 0] % 2, callbacks=[ExactCheckpoint(tmp_path)], steps_per_epoch=2
        )


def test_a_fit_that_was_over_is_not_fitted_further(tmp_path):
    whole = model_of()
    expected = fit(whole, ExactCheckpoint(tmp_path))
    again = model_of()
    assert fit(again, ExactCheckpoint(tmp_path)) == expected
    for mine, theirs in zip(again.weights, whole.weights):
        np.testing.assert_array_equal(mine, theirs)


def test_one_that_stopped_early_stays_stopped(tmp_path):
    first = model_of(patience=1, epochs=8, learning_rate=1e-30)
    expected = fit(first, ExactCheckpoint(tmp_path))
    assert len(expected["loss"]) < 8
    again = model_of(patience=1, epochs=8, learning_rate=1e-30)
    assert fit(again, ExactCheckpoint(tmp_path)) == expected


class KillAt(keras.callbacks.Callback):
    """Ends the process, as it were, after so many updates."""

    def __init__(self, updates):
        super().__init__()
        self.left = updates

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("updates", "every", "fields"),
    [
        (2, 1, {"word_dropout": 0.1, "mixout": 0.3, "augment": Swap(0.3)}),
        pytest.param(
            6,
            2,
            {"ema": 0.9, "gradient_accumulation_steps": 2, "layer_decay": 0.9},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            7,
            3,
            {"swa": 0.5, "patience": 3, "schedule": "cosine"},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            6,
            2,
            {"steps_per_execution": 2, "noisy_tune": 0.1, "gradual_unfreezing": 1},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_stopped_within_an_epoch(updates, every, fields, tmp_path):
    whole = model_of(**fields)
    expected = fit(whole)
    with pytest.raises(KeyboardInterrupt):
        fit(model_of(**fields), ExactCheckpoint(tmp_path, every), KillAt(updates))
    again = model_of(**fields)
    seen = Seen()
    history = fit(again, ExactCheckpoint(tmp_path, every), seen)
    assert seen.batches < len(expected["loss"]) * seen.params["steps"]
    check_equal(again, history, whole, expected)


class Seen(keras.callbacks.Callback):
    """Counts batches, and tells a checkpoint so."""

    batches = 0

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1


class Remembers(keras.callbacks.Callback):
    """A callback of the user's that counts over the whole fit."""

    count = 0

    def on_train_batch_end(self, batch, logs=None):
        self.count += 1

    def get_state(self):
        return {"count": self.count}

    def set_state(self, state):
        self.count = state["count"]


def test_callbacks_go_on(tmp_path):
    def others():
        plateau = keras.callbacks.ReduceLROnPlateau(
            "val_accuracy", factor=0.5, patience=1, mode="max"
        )
        return plateau, Remembers()

    def compiled():
        model = model_of(epochs=6)
        model.compile(AdamW(1e-4))
        return model

    whole, mine = compiled(), others()
    expected = fit(whole, *mine)
    assert expected["learning_rate"][-1] < 1e-4
    with pytest.raises(KeyboardInterrupt):
        fit(compiled(), *others(), ExactCheckpoint(tmp_path, 2), KillAt(14))
    again, theirs = compiled(), others()
    history = fit(again, *theirs, ExactCheckpoint(tmp_path, 2))
    assert theirs[1].count == mine[1].count
    check_equal(again, history, whole, expected)


@pytest.mark.slow
def test_strengths_that_are_learned_go_on(tmp_path):
    fields = {"backbone_regularizer": L2SP(0.1), "schedule": "constant", "epochs": 3}

    def adaptive():
        return AdaptiveStrength((TEXTS[:6], NAMES[:6]), learning_rate=0.3)

    whole = model_of(**fields)
    expected = fit(whole, adaptive(), batch_size=2)
    with pytest.raises(KeyboardInterrupt):
        stopped = ExactCheckpoint(tmp_path, 3)
        fit(model_of(**fields), adaptive(), stopped, KillAt(8), batch_size=2)
    again = model_of(**fields)
    history = fit(again, adaptive(), ExactCheckpoint(tmp_path, 3), batch_size=2)
    check_equal(again, history, whole, expected)
