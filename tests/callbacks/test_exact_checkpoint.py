"""A fit that is stopped and started again ends where one that was not does."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.backbones import tiny, tokenizer
from tests.models.conftest import NAMES, TEXTS
from tfreg._checks import InputError
from tfreg.builders import build_classifier
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


def model_of(**fields):
    fields = {"dropout": 0.3, "learning_rate": 1e-3, "epochs": 4, **fields}
    keras.utils.set_random_seed(1)
    return build_classifier(
        tiny(dropout=0.1),
        ("neg", "pos"),
        tokenizer=tokenizer(),
        sequence_length=32,
        batch_size=4,
        **fields,
    )


def fit(model, *callbacks, **kwargs):
    return model.fit(
        TEXTS,
        NAMES,
        validation_data=(TEXTS[:6], NAMES[:6]),
        callbacks=list(callbacks),
        verbose=0,
        **kwargs,
    ).history


@pytest.mark.parametrize(
    ("epoch", "fields"),
    [
        (1, {"word_dropout": 0.1, "mixout": 0.3, "gradual_unfreezing": 1}),
        (3, {"swa": 0.5, "patience": 3, "layer_decay": 0.9}),
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
        (6, 2, {"ema": 0.9, "gradient_accumulation_steps": 2, "layer_decay": 0.9}),
        (7, 3, {"swa": 0.5, "patience": 3, "schedule": "cosine"}),
        (6, 2, {"steps_per_execution": 2, "noisy_tune": 0.1, "gradual_unfreezing": 1}),
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


def check_equal(again, history, whole, expected):
    assert history.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-5, err_msg=name)
    for mine, theirs in zip(again.weights, whole.weights):
        np.testing.assert_allclose(
            mine, theirs, rtol=1e-5, atol=1e-7, err_msg=mine.path
        )


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


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"learning_rate": 2e-3}, "recipe.learning_rate was 0.001, is 0.002"),
        ({"epochs": 5}, "settings: recipe.epochs was 4, is 5; give"),
        ({"head": "projection"}, 'recipe.head was not there, is "projection"'),
    ],
)
def test_of_another_recipe(change, said, tmp_path):
    fit(model_of(), ExactCheckpoint(tmp_path))
    with pytest.raises(InputError, match=said):
        fit(model_of(**change), ExactCheckpoint(tmp_path))


def test_of_other_data_or_another_start(tmp_path):
    fit(model_of(), ExactCheckpoint(tmp_path))
    with pytest.raises(InputError, match="fit with other settings: data.train was"):
        model_of().fit(
            TEXTS[1:],
            NAMES[1:],
            validation_data=(TEXTS[:6], NAMES[:6]),
            callbacks=[ExactCheckpoint(tmp_path)],
            verbose=0,
        )
    other = model_of()
    other.backbone.weights[0].assign_add(other.backbone.weights[0] * 1e-3)
    with pytest.raises(InputError, match="with other settings: weights was .*; give"):
        fit(other, ExactCheckpoint(tmp_path))


def test_changes_that_are_allowed(tmp_path):
    fit(model_of(), ExactCheckpoint(tmp_path))
    more = ExactCheckpoint(tmp_path, allow_changes=["recipe.epochs"])
    assert len(fit(model_of(epochs=6), more)["loss"]) == 6
    changes = "recipe.head", "weights", "recipe.epochs"
    with pytest.raises(InputError, match="is of another model"):
        other = model_of(head="projection", epochs=6)
        fit(other, ExactCheckpoint(tmp_path, allow_changes=changes))


class Spoil(keras.callbacks.Callback):
    """Makes a weight not a number in an epoch."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2:
            weight = self.model.logits.kernel
            weight.assign(weight * np.nan)


def test_what_is_not_finite_is_never_written(tmp_path):
    whole = model_of()
    expected = fit(whole)
    with pytest.raises(InputError, match="diverged before epoch 4, step 1: .*finite"):
        fit(model_of(), ExactCheckpoint(tmp_path), Spoil())
    again = model_of()
    check_equal(again, fit(again, ExactCheckpoint(tmp_path)), whole, expected)


def test_refused(tmp_path):
    with pytest.raises(InputError, match="`folder` must be the name of a folder"):
        ExactCheckpoint(3)
    with pytest.raises(InputError, match="`every` must be an integer"):
        ExactCheckpoint(tmp_path, 0)
    with pytest.raises(InputError, match="`allow_changes` must be a sequence"):
        ExactCheckpoint(tmp_path, allow_changes="epochs")
    with pytest.raises(InputError, match="one ExactCheckpoint at most"):
        fit(model_of(), ExactCheckpoint(tmp_path), ExactCheckpoint(tmp_path))
    own = tf.data.Dataset.from_tensor_slices((TEXTS, NAMES)).batch(4)
    with pytest.raises(InputError, match="the position in ids or a tf.data.Dataset"):
        model_of().fit(own, callbacks=[ExactCheckpoint(tmp_path, 2)])
    kept = ExactCheckpoint(tmp_path)
    fit(model_of(), kept, epochs=1)
    kept.remove()
    assert not tmp_path.exists()
