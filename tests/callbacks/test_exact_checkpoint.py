"""A fit that is stopped and started again ends where one that was not does."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.backbones import tiny, tokenizer
from tests.models.conftest import NAMES, TEXTS
from tfreg._checks import InputError
from tfreg.builders import build_classifier
from tfreg.callbacks import ExactCheckpoint


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
        (1, {"word_dropout": 0.1, "mixout": 0.3}),
        (3, {"ema": 0.9, "gradient_accumulation_steps": 2}),
        (2, {"swa": 0.5, "patience": 3, "layer_decay": 0.9}),
        (2, {"gradual_unfreezing": 1}),
    ],
)
def test_stopped_and_started_again(epoch, fields, tmp_path):
    whole = model_of(**fields)
    expected = fit(whole)
    with pytest.raises(KeyboardInterrupt):
        fit(model_of(**fields), ExactCheckpoint(tmp_path), Kill(epoch))
    again = model_of(**fields)
    history = fit(again, ExactCheckpoint(tmp_path))
    assert history.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-5, err_msg=name)
    for mine, theirs in zip(again.weights, whole.weights):
        np.testing.assert_allclose(
            mine, theirs, rtol=1e-5, atol=1e-7, err_msg=mine.path
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


def test_of_another_model_or_damaged(tmp_path):
    fit(model_of(), ExactCheckpoint(tmp_path), epochs=1)
    with pytest.raises(InputError, match="is of another model"):
        fit(model_of(head="projection"), ExactCheckpoint(tmp_path))
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(InputError, match="damaged"):
        fit(model_of(), ExactCheckpoint(tmp_path))
    ExactCheckpoint(tmp_path).remove()
    assert fit(model_of(), ExactCheckpoint(tmp_path), epochs=1)
    with pytest.raises(InputError, match="`folder` must be the name of a folder"):
        ExactCheckpoint(3)
