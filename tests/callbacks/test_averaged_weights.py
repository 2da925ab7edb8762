"""What is scored, kept and saved are the means; Keras's own ways are not enough."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfreg._checks import DataWarning, InputError
from tfreg.callbacks import AveragedWeights
from tfreg.optimizers import AdamW

MOMENTUM = 0.8
random = np.random.default_rng(0)
X = random.normal(size=(12, 3)).astype("float32")
Y = (X @ random.normal(size=(3, 1)) + random.normal(size=(12, 1))).astype("float32")
DEV = X[::-1], -Y  # gets worse the longer it trains


def model_of(optimizer):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(optimizer, "mse")
    return model


class Raw(keras.callbacks.Callback):
    """Writes down the weights after each step of training."""

    def on_train_begin(self, logs=None):
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(self.model.get_weights())


def mean(seen):
    """The exponential mean of all weights seen, written out."""
    weigh = np.array([MOMENTUM**age for age in reversed(range(len(seen)))])
    weigh /= weigh.sum()
    return [sum(m * w for m, w in zip(weigh, each)) for each in zip(*seen)]


def squared_error(weights, x, y):
    return np.mean((x @ weights[0] + weights[1] - y) ** 2)


def assert_close(found, expected, rtol=1e-5):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=1e-6)


def fitted(model, callbacks, epochs=4, **options):
    raw = Raw()
    history = model.fit(
        X,
        Y,
        batch_size=4,
        epochs=epochs,
        validation_data=DEV,
        callbacks=[*callbacks, raw],
        verbose=0,
        **options,
    ).history
    return raw.seen, history


def averaged(scaled=False):
    optimizer = AdamW(0.05, weight_decay=0.0, ema=MOMENTUM)
    return model_of(
        keras.optimizers.LossScaleOptimizer(optimizer) if scaled else optimizer
    )


@pytest.mark.parametrize("scaled", [False, True])
def test_scores_best_epoch_and_files(scaled, tmp_path):
    model = averaged(scaled)
    saved = keras.callbacks.ModelCheckpoint(str(tmp_path / "{epoch}.keras"))
    best = keras.callbacks.EarlyStopping(patience=9, restore_best_weights=True)
    seen, history = fitted(model, [AveragedWeights(), best, saved])
    means = [mean(seen[: 3 * epoch]) for epoch in range(1, 5)]
    expected = [squared_error(weights, *DEV) for weights in means]
    np.testing.assert_allclose(history["val_loss"], expected, rtol=1e-4)
    assert np.argmin(expected) == 0  # so that there is something to restore
    assert_close(model.get_weights(), means[0])
    for epoch, weights in enumerate(means, start=1):
        stored = keras.saving.load_model(tmp_path / f"{epoch}.keras")
        assert_close(stored.get_weights(), weights)
    assert_close([model.evaluate(*DEV, verbose=0)], [expected[0]], 1e-4)


def test_training_goes_on_with_the_weights():
    plain = model_of(AdamW(0.05, weight_decay=0.0))
    expected, _ = fitted(plain, [])
    seen, _ = fitted(averaged(), [AveragedWeights()])
    for one, other in zip(seen, expected, strict=True):
        assert_close(one, other, 0)


def test_without_early_stopping_the_means_of_the_end():
    model = averaged()
    seen, _ = fitted(model, [AveragedWeights()])
    assert_close(model.get_weights(), mean(seen))


def test_stopped_early_and_nothing_restored():
    model = averaged()
    seen, _ = fitted(model, [AveragedWeights(), keras.callbacks.EarlyStopping()])
    assert len(seen) == 2 * 3
    assert_close(model.get_weights(), mean(seen))


def test_epochs_without_validation_are_saved_as_means_too(tmp_path):
    model = averaged()
    saved = keras.callbacks.ModelCheckpoint(str(tmp_path / "{epoch}.keras"))
    seen, _ = fitted(model, [AveragedWeights(), saved], validation_freq=3)
    stored = keras.saving.load_model(tmp_path / "2.keras")
    assert_close(stored.get_weights(), mean(seen[:6]))


def test_the_last_steps_of_a_fit_that_goes_on():
    """Three epochs of three steps, of which swa=2/3 is the last six."""
    runs = []
    for parts in ([3], [2, 3]):
        model = model_of(AdamW(0.05, weight_decay=0.0, swa=2 / 3))
        seen, first = [], 0
        for last in parts:
            # The first part is of a fit of three epochs too, and stopped.
            stop = keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs, last=last: (
                    setattr(model, "stop_training", epoch + 1 == last)
                )
            )
            more, _ = fitted(model, [AveragedWeights(), stop], 3, initial_epoch=first)
            seen, first = seen + more, last
        expected = [np.mean(each, axis=0) for each in zip(*seen[3:])]
        assert len(seen) == 9
        assert_close(model.get_weights(), expected)
        runs.append(model.get_weights())
    assert_close(*runs, 0)


@pytest.mark.parametrize(
    ("ended", "missing"),  # of four epochs of three steps; the last four are averaged
    [(1, 6), (2, 3), (3, 0), (4, 0)],
)
def test_a_fit_that_ends_before_its_first_mean_says_so(ended, missing):
    model = model_of(AdamW(0.05, weight_decay=0.0, swa=1 / 3))
    stop = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(
            model, "stop_training", epoch + 1 == ended
        )
    )
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", DataWarning)
        fitted(model, [AveragedWeights(), stop])
    found = [str(each.message) for each in said if each.category is DataWarning]
    assert len(found) == bool(missing)
    assert all(f"ended {missing} steps before the first" in each for each in found)


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_what_it_needs():
    with pytest.raises(InputError, match="needs an optimizer that averages"):
        fitted(model_of(AdamW()), [AveragedWeights()])
    with pytest.raises(InputError, match="`steps` must be an integer of at least 1"):
        AveragedWeights(0)
    rows = tf.data.Dataset.from_tensors((X, Y)).repeat(3)
    silent = rows.filter(lambda x, y: True)  # it does not say how many it has
    with pytest.raises(InputError, match=r"`AveragedWeights\(steps=...\)` is needed"):
        averaged().fit(silent, callbacks=[AveragedWeights()], shuffle=False, verbose=0)
    averaged().fit(silent, callbacks=[AveragedWeights(3)], shuffle=False, verbose=0)


def keras_s(**options):
    return model_of(
        keras.optimizers.AdamW(0.05, 0.0, use_ema=True, ema_momentum=MOMENTUM)
    )


def test_keras_s_use_ema_scores_and_restores_raw_weights():
    """When this fails, `AveragedWeights` may do less."""
    model = keras_s()
    best = keras.callbacks.EarlyStopping(patience=9, restore_best_weights=True)
    seen, history = fitted(model, [best])
    raw = [squared_error(seen[3 * epoch - 1], *DEV) for epoch in range(1, 5)]
    np.testing.assert_allclose(history["val_loss"], raw, rtol=1e-4)
    assert_close(model.get_weights(), seen[2], 0)


def test_keras_s_swap_ends_on_raw_weights_where_a_fit_stops_early():
    """When this fails, so may it."""
    model = keras_s()
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    seen, _ = fitted(model, [swap, keras.callbacks.EarlyStopping()])
    assert len(seen) < 4 * 3
    assert_close(model.get_weights(), seen[-1])
