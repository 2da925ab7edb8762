"""What a checkpoint does not go on with, does not write, or cannot."""

from __future__ import annotations

import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.callbacks.fitted import check_equal, fit, model_of
from tests.models.conftest import NAMES, TEXTS
from tfreg._checks import DataWarning, InputError
from tfreg.callbacks import ExactCheckpoint, sealed


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Where a fit left its checkpoints."""
    folder = tmp_path_factory.mktemp("done")
    fit(model_of(), ExactCheckpoint(folder, preset="tiny"))
    return folder


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"learning_rate": 2e-3}, "recipe.learning_rate was 0.001, is 0.002"),
        ({"epochs": 5}, "settings: recipe.epochs was 4, is 5; give"),
        ({"head": "projection"}, 'recipe.head was not there, is "projection"'),
    ],
)
def test_of_another_recipe(change, said, done):
    with pytest.raises(InputError, match=said):
        fit(model_of(**change), ExactCheckpoint(done, preset="tiny"))


def test_of_other_data_or_another_start(done):
    with pytest.raises(InputError, match="fit with other settings: data.train was"):
        model_of().fit(
            TEXTS[1:],
            NAMES[1:],
            validation_data=(TEXTS[:6], NAMES[:6]),
            callbacks=[ExactCheckpoint(done, preset="tiny")],
            verbose=0,
        )
    other = model_of()
    other.backbone.weights[0].assign_add(other.backbone.weights[0] * 1e-3)
    with pytest.raises(InputError, match="with other settings: weights was .*; give"):
        fit(other, ExactCheckpoint(done, preset="tiny"))
    both = 'settings: preset was "tiny", is "other"; weights was .*--allow-changes'
    with pytest.raises(InputError, match=both):
        fit(other, ExactCheckpoint(done, preset="other"))


def test_steps_whose_place_in_the_data_is_not_known(tmp_path):
    with pytest.raises(InputError, match="with `steps_per_epoch` an epoch begins"):
        fit(model_of(), ExactCheckpoint(tmp_path), steps_per_epoch=2)
    assert not list(tmp_path.iterdir())


def test_an_epoch_beyond_the_checkpoint_s(tmp_path):
    fit(model_of(epochs=1), ExactCheckpoint(tmp_path))
    going = ExactCheckpoint(tmp_path, allow_changes=["recipe.epochs"])
    with pytest.raises(InputError, match="`initial_epoch`=3: .* is of epoch 1; leave"):
        fit(model_of(epochs=4), going, initial_epoch=3)


def test_changes_that_are_allowed(done, tmp_path):
    """Each is said in a line; a name that is no change too, and is no error."""
    folder = shutil.copytree(done, tmp_path / "copy")
    allowed = ["recipe.epochs", "recipe.epoch"]
    for said in ("was 4, is 6", "is no difference"):  # and the same words again
        more = ExactCheckpoint(folder, allow_changes=allowed, preset="tiny")
        with pytest.warns(DataWarning) as seen:
            assert len(fit(model_of(epochs=6), more)["loss"]) == 6
        told = [one.message for one in seen if one.category is DataWarning]
        assert [str(message) for message in told] == [
            f"{folder}: allowed to change: recipe.epochs {said}",
            f"{folder}: allowed to change: recipe.epoch is no difference",
        ]
    changes = "recipe.head", "weights", "recipe.epochs"
    with pytest.warns(DataWarning), pytest.raises(InputError, match="of another model"):
        other = model_of(head="projection", epochs=6)
        fit(other, ExactCheckpoint(done, allow_changes=changes, preset="tiny"))


class Spoil(keras.callbacks.Callback):
    """Makes a weight not a number, at the end of an epoch or after one of its steps."""

    def __init__(self, epoch=None, batch=None):
        super().__init__()
        self.epoch, self.batch = epoch, batch

    def on_epoch_end(self, epoch, logs=None):
        self.spoil(epoch == self.epoch)

    def on_train_batch_end(self, batch, logs=None):
        self.spoil(batch == self.batch)

    def spoil(self, now):
        if now:
            weight = self.model.logits.kernel
            weight.assign(weight * np.nan)


def test_what_is_not_finite_is_never_written(tmp_path):
    whole = model_of()
    expected = fit(whole)
    with pytest.raises(InputError, match="diverged before epoch 4, step 1: .*finite"):
        fit(model_of(), ExactCheckpoint(tmp_path), Spoil(epoch=2))
    again = model_of()
    check_equal(again, fit(again, ExactCheckpoint(tmp_path)), whole, expected)


@pytest.mark.parametrize(
    ("every", "batch", "said"),
    [
        pytest.param(
            *(None, 0, "before epoch 2, step 1: loss is not finite"),
            marks=pytest.mark.slow,
        ),
        (2, 0, "before epoch 1, step 3: loss is not finite"),
        (None, 3, "before epoch 2, step 1: model .* is not finite"),  # losses are
    ],
)
def test_what_is_not_finite_is_seen_where_no_entry_is_due(every, batch, said, tmp_path):
    seldom = ExactCheckpoint(tmp_path, every, seconds=60)
    with pytest.raises(InputError, match=f"the fit diverged {said}; nothing"):
        model_of().fit(TEXTS, NAMES, callbacks=[seldom, Spoil(batch=batch)], verbose=0)
    assert not list(tmp_path.iterdir())


def test_an_entry_that_cannot_be_written(tmp_path, monkeypatch):
    """The disk is full at the end of the second epoch: the fit goes on."""
    whole = model_of()
    expected = fit(whole)
    usage, room = shutil.disk_usage(tmp_path), iter([2**40, 0, 2**40, 2**40])
    monkeypatch.setattr(
        sealed.shutil, "disk_usage", lambda _: usage._replace(free=next(room))
    )
    again = model_of()
    told = "no checkpoint after 8 updates: no room for .* bytes; the fit goes on"
    with pytest.warns(DataWarning, match=told):
        history = fit(again, ExactCheckpoint(tmp_path, keep=4))
    check_equal(again, history, whole, expected)
    assert [int(path.name) for path in sorted(tmp_path.iterdir())] == [4, 12, 16]


def test_refused(tmp_path):
    with pytest.raises(InputError, match="`folder` must be the name of a folder"):
        ExactCheckpoint(3)
    with pytest.raises(InputError, match="`every` must be an integer"):
        ExactCheckpoint(tmp_path, 0)
    with pytest.raises(InputError, match="`allow_changes` must be a sequence"):
        ExactCheckpoint(tmp_path, allow_changes="epochs")
    with pytest.raises(InputError, match="`preset` must be a name"):
        ExactCheckpoint(tmp_path, preset=3)
    with pytest.raises(InputError, match="one ExactCheckpoint at most"):
        fit(model_of(), ExactCheckpoint(tmp_path), ExactCheckpoint(tmp_path))
    own = tf.data.Dataset.from_tensor_slices((TEXTS, NAMES)).batch(4)
    with pytest.raises(InputError, match="the position in ids or a tf.data.Dataset"):
        model_of().fit(own, callbacks=[ExactCheckpoint(tmp_path, 2)])
    kept = ExactCheckpoint(tmp_path)
    fit(model_of(), kept, epochs=1)
    kept.remove()
    assert not tmp_path.exists()
