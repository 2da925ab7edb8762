"""A scheduled strength is, at every step, what its formula says, and acts as that."""

from __future__ import annotations

import io
import math
from functools import partial

import keras
import numpy as np
import pytest

from tests.backbones import tiny
from tests.models.conftest import inputs_of
from tfreg._checks import InputError
from tfreg.builders import build_classifier
from tfreg.callbacks import AdaptiveStrength, StrengthSchedule
from tfreg.inspect import penalty_report
from tfreg.regularizers import L2, L2SP, GroupLasso, ProximalL1

FIELDS = {"sequence_length": 16, "batch_size": 4, "dropout": 0.0}
RATE = 0.05


def build(run_eagerly=False, **fields):
    keras.utils.set_random_seed(0)
    model = build_classifier(tiny(), ("neg", "pos"), **{**FIELDS, **fields})
    model.compile(keras.optimizers.SGD(RATE), run_eagerly=run_eagerly)
    return model


def data(model, rows=8):
    random = np.random.default_rng(0)
    x = {
        "token_ids": random.integers(5, 40, (rows, 8)).astype("int32"),
        "padding_mask": np.ones((rows, 8), "int32"),
        "segment_ids": np.zeros((rows, 8), "int32"),
    }
    return inputs_of(model, x), random.integers(0, 2, rows)


class Watch(keras.callbacks.Callback):
    """The head's kernel before each step, and the strength in it."""

    def __init__(self):
        super().__init__()
        self.kernels, self.strengths = [], []

    def on_train_batch_begin(self, batch, logs=None):
        self.kernels.append(np.array(self.model.logits.kernel))
        rows = penalty_report(self.model, file=io.StringIO())
        self.strengths.append(rows[-1].strength["l2"])


@pytest.mark.parametrize("decay", ["constant", "linear", "cosine"])
def test_closed_forms(decay):
    schedule = StrengthSchedule(0.25, decay, final=0.2)
    for step in range(8):
        fall = (step - 2) / 6
        expected = {
            "constant": 1.0,
            "linear": 1.0 - 0.8 * fall,
            "cosine": 0.2 + 0.8 * (1 + math.cos(math.pi * fall)) / 2,
        }[decay]
        expected = (step + 1) / 2 if step < 2 else expected
        assert schedule.factor(step, 8) == pytest.approx(expected)
    assert schedule.factor(8, 8) == pytest.approx(1.0 if decay == "constant" else 0.2)


@pytest.mark.parametrize("warmup, total", [(0.0, 1), (1.0, 1), (1.0, 4), (0.3, 7)])
def test_at_the_edges_factors_are_shares(warmup, total):
    for decay in ("constant", "linear", "cosine"):
        schedule = StrengthSchedule(warmup, decay)
        factors = [schedule.factor(step, total) for step in range(total + 1)]
        assert all(0 <= factor <= 1 for factor in factors) and max(factors) > 0


def test_live_logged_restored_and_traced_once():
    model = build(kernel_regularizer=L2(0.5))
    traces, step = [], model.train_step
    model.train_step = lambda *data: (traces.append(1), step(*data))[1]
    watch = Watch()
    schedule = StrengthSchedule(0.5, "linear")
    history = model.fit(
        *data(model), epochs=2, callbacks=[schedule, watch], verbose=0
    ).history
    assert watch.strengths == pytest.approx([0.25, 0.5, 0.5, 0.25])
    assert history["strength/l2"] == pytest.approx([0.5, 0.25])
    assert penalty_report(model, file=io.StringIO())[0].strength == {"l2": 0.5}
    going = Watch()
    model.fit(
        *data(model), epochs=2, initial_epoch=1, verbose=0, callbacks=[schedule, going]
    )
    assert going.strengths == pytest.approx([0.5, 0.25])
    assert len(traces) == 1


def test_a_fit_that_is_broken_off_leaves_no_factor():
    class Break(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    model = build(kernel_regularizer=L2(0.5))
    with pytest.raises(KeyboardInterrupt):
        model.fit(*data(model), verbose=0, callbacks=[StrengthSchedule(1.0), Break()])
    assert penalty_report(model, file=io.StringIO())[0].strength == {"l2": 0.5}


def test_the_penalty_s_gradient_scales_in_a_step():
    """Against steps of models whose recipes have the strength of that step."""
    watch = Watch()
    model = build(kernel_regularizer=L2(2.0))
    x, y = data(model, 4)
    schedule = StrengthSchedule(0.5, "linear")
    model.fit(x, y, epochs=4, callbacks=[schedule, watch], verbose=0)
    plain = build(True)  # its steps, and the others', are too few to trace
    factors = [0.5, 1.0, 1.0, 0.5]
    for start, factor in zip(watch.kernels, factors):
        own = build(True, kernel_regularizer=L2(2.0 * factor))
        for one in (plain, own):
            for mine, theirs in zip(one.weights, build().weights):
                mine.assign(theirs)
            one.logits.kernel.assign(start)
            one.train_on_batch(x, y)
        pull = np.array(own.logits.kernel) - np.array(plain.logits.kernel)
        np.testing.assert_allclose(pull, -RATE * 2 * 2.0 * factor * start, atol=1e-6)
    # And the fit itself, over all of its steps, is that of four such models in turn.
    by_turns, weights = None, None
    for factor in factors:
        by_turns = build(True, kernel_regularizer=L2(2.0 * factor))
        for mine, value in zip(by_turns.weights, weights or by_turns.get_weights()):
            mine.assign(value)
        by_turns.train_on_batch(x, y)
        weights = by_turns.get_weights()
    for mine, theirs in zip(model.trainable_variables, by_turns.trainable_variables):
        np.testing.assert_allclose(mine, theirs, atol=1e-6, err_msg=mine.path)


def test_sets_by_name_and_saved_as_plain(tmp_path):
    rules = [L2SP(0.1), GroupLasso(0.01)]
    model = build(kernel_regularizer=L2(0.5), backbone_regularizer=rules)

    class Save(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.save(tmp_path / "model.keras")

    schedule = StrengthSchedule(decay="linear", penalties=["group_lasso"])
    history = model.fit(
        *data(model), epochs=2, callbacks=[schedule, Save()], verbose=0
    ).history
    assert [key for key in history if "/" in key] == ["strength/group_lasso"]
    assert history["strength/group_lasso"] == pytest.approx([0.0075, 0.0025])
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    rows = penalty_report(loaded, file=io.StringIO())
    assert rows[-1].strength == {"strength": 0.01}
    assert len(loaded.weights) == len(model.weights)


def test_a_learned_strength_warms_up_too():
    model = build(kernel_regularizer=L2(0.5))
    adaptive = AdaptiveStrength(data(model, 4), learning_rate=0.1)
    schedule = StrengthSchedule(1.0)
    watch = Watch()
    model.fit(*data(model), callbacks=[adaptive, schedule, watch], epochs=1, verbose=0)
    learned = adaptive.recipe().kernel_regularizer.l2
    assert watch.strengths[0] == pytest.approx(0.25)
    assert 0.5 * 0.81 <= float(learned) <= 0.5 * 1.23 and float(learned) != 0.5
    rows = penalty_report(model, file=io.StringIO())
    assert rows[0].strength["l2"] == pytest.approx(float(learned), rel=1e-5)


def test_a_slope_is_that_of_the_scheduled_strength():
    """At a quarter of 2 it is the slope at a half."""

    def first_slope(strength, *schedules):
        model, seen = build(kernel_regularizer=L2(strength)), []
        adaptive = AdaptiveStrength(data(model, 4), learning_rate=0.1)
        look = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda *_, **__: seen.append(adaptive.slopes["l2"])
        )
        callbacks = [adaptive, *schedules, look]
        model.fit(*data(model), callbacks=callbacks, epochs=2, verbose=0)
        return seen[0]

    assert first_slope(2.0, StrengthSchedule(1.0)) == pytest.approx(
        first_slope(0.5), rel=1e-4
    )


def test_two_schedules_of_one_strength_are_refused():
    model = build(kernel_regularizer=L2(0.5), backbone_regularizer=L2SP(0.1))
    both = [StrengthSchedule(0.5), StrengthSchedule(penalties=["l2"])]
    with pytest.raises(InputError, match="two StrengthSchedules set 'l2'; give each"):
        model.fit(*data(model), callbacks=both, epochs=1, verbose=0)
    both[0] = StrengthSchedule(0.5, penalties=["l2sp"])
    model.fit(*data(model), callbacks=both, epochs=1, verbose=0)


def test_what_cannot_be():
    for arguments, what in [
        ({"warmup": 1.1}, "`warmup` must be a number in"),
        ({"decay": "exponential"}, "`decay` must be one of 'constant'"),
        ({"final": -1}, "`final` must be a number in"),
        ({"penalties": "l2"}, "`penalties` must be a sequence"),
    ]:
        with pytest.raises(InputError, match=what):
            StrengthSchedule(**arguments)
    model = build(kernel_regularizer=L2(0.1))
    for kind in (StrengthSchedule, partial(AdaptiveStrength, data(model, 4))):
        with pytest.raises(InputError, match="`penalties` must name at least one"):
            model.fit(*data(model), callbacks=[kind(penalties=[])], verbose=0)

    def fit(model, **arguments):
        schedule = StrengthSchedule(**arguments)
        model.fit(*data(model), callbacks=[schedule], epochs=1, verbose=0)

    with pytest.raises(InputError, match="`StrengthSchedule`: the model has no penal"):
        fit(build())
    with pytest.raises(InputError, match="`penalties`: the model has no 'l2'; it has"):
        fit(build(backbone_regularizer=L2SP()), penalties=["l2"])
    with pytest.raises(InputError, match="`StrengthSchedule`: a proximal penalty"):
        proximal = build_classifier(
            tiny(), ("a", "b"), kernel_regularizer=ProximalL1(), **FIELDS
        )
        fit(proximal)
    model = build(kernel_regularizer=L2(0.1))
    model.compile(steps_per_execution=2)
    with pytest.raises(InputError, match="`steps_per_execution` must be 1; got 2"):
        fit(model)
