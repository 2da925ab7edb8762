"""Means of weights against sums that are written out."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfreg._checks import InputError
from tfreg.optimizers import AdamW, Averages

SHAPES = ((3, 4), (5,))


def variables():
    random = np.random.default_rng(7)
    return [
        keras.Variable(random.normal(size=shape).astype("float32"), name=f"v{i}")
        for i, shape in enumerate(SHAPES)
    ]


def gradients(steps, seed=0):
    random = np.random.default_rng(seed)
    return [
        [random.normal(size=shape).astype("float32") for shape in SHAPES]
        for _ in range(steps)
    ]


def values(weights):
    return [np.array(weight) for weight in weights]


def trained(optimizer, weights, steps):
    """Their values after each step."""
    after = []
    for gradient in steps:
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradient], weights)
        after.append(values(weights))
    return after


def exponential(after, momentum):
    """Σ m^age·w / Σ m^age, in float64."""
    weigh = [momentum**age for age in reversed(range(len(after)))]
    return [
        sum(m * w[i].astype("float64") for m, w in zip(weigh, after)) / sum(weigh)
        for i in range(len(SHAPES))
    ]


def started(optimizer, weights, total):
    optimizer.build(weights)
    optimizer.averages.begin(0, 0, total)
    return optimizer


def assert_close(found, expected, **tolerance):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, **tolerance)


@pytest.mark.parametrize("momentum", [0.5, 0.99, 0.9999])
def test_ema(momentum):
    weights = variables()
    optimizer = started(AdamW(0.1, ema=momentum), weights, 9)
    after = trained(optimizer, weights, gradients(9))
    optimizer.averages.show(True)
    assert_close(values(weights), exponential(after, momentum), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("share, last", [(1.0, 10), (0.5, 5), (0.25, 2), (0.01, 1)])
def test_swa_is_the_mean_of_the_last_steps(share, last):
    weights = variables()
    optimizer = started(AdamW(0.1, swa=share), weights, 10)
    after = trained(optimizer, weights, gradients(10))
    optimizer.averages.show(True)
    expected = [np.mean([w[i] for w in after[-last:]], 0) for i in range(len(SHAPES))]
    assert_close(values(weights), expected, rtol=1e-5, atol=1e-6)


def test_before_swa_begins_the_mean_is_the_weights():
    weights = variables()
    optimizer = started(AdamW(0.1, swa=0.5), weights, 10)
    after = trained(optimizer, weights, gradients(4))
    optimizer.averages.show(True)
    assert_close(values(weights), after[-1], rtol=0)


@pytest.mark.parametrize("settings", [{"ema": 0.9}, {"swa": 0.5}])
def test_training_is_as_without(settings):
    """Also when the means are shown in between, and bit for bit."""
    runs = []
    for more in ({}, settings):
        weights = variables()
        optimizer = AdamW(0.1, **more)
        if more:
            started(optimizer, weights, 6)
        for gradient in gradients(6):
            trained(optimizer, weights, [gradient])
            if more:
                before = values(weights)
                optimizer.averages.show(True)
                optimizer.averages.show(True)  # they are shown already
                optimizer.averages.show(False)
                assert_close(values(weights), before, rtol=0)
        runs.append(values(weights))
    assert_close(*runs, rtol=0)


def test_in_a_traced_function():
    weights = variables()
    optimizer = started(AdamW(0.1, ema=0.9), weights, 5)

    @tf.function
    def step(*gradient):
        optimizer.apply(gradient, weights)

    after = []
    for gradient in gradients(5):
        step(*map(tf.constant, gradient))
        after.append(values(weights))
    optimizer.averages.show(True)
    assert_close(values(weights), exponential(after, 0.9), rtol=1e-5, atol=1e-6)
    assert step.experimental_get_tracing_count() == 1


def test_a_second_fit_begins_anew_from_what_is_shown():
    weights = variables()
    optimizer = started(AdamW(0.1, ema=0.9), weights, 3)
    trained(optimizer, weights, gradients(3))
    optimizer.averages.show(True)
    shown = values(weights)
    optimizer.averages.begin(3, 3, 4)
    optimizer.averages.show(False)
    assert_close(values(weights), shown, rtol=0)
    after = trained(optimizer, weights, gradients(4, seed=1))
    optimizer.averages.show(True)
    assert_close(values(weights), exponential(after, 0.9), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("settings", [{"ema": 0.9}, {"swa": 0.5}])
def test_a_fit_that_goes_on_goes_on_averaging(settings):
    runs = []
    for stops in (False, True):
        weights = variables()
        optimizer = started(AdamW(0.1, **settings), weights, 6)
        trained(optimizer, weights, gradients(6)[:4])
        if stops:
            optimizer.averages.show(True)
            optimizer.averages.begin(4, 0, 6)
            optimizer.averages.show(False)
        trained(optimizer, weights, gradients(6)[4:])
        optimizer.averages.show(True)
        runs.append(values(weights))
    assert_close(*runs, rtol=0)


def test_a_weight_without_a_gradient_is_its_own_mean():
    weights = variables()
    start = values(weights)
    optimizer = started(AdamW(0.1, ema=0.9), weights, 2)
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        optimizer.apply([keras.ops.ones(SHAPES[0]), None], weights)
    optimizer.averages.show(True)
    assert_close(values(weights)[1:], start[1:], rtol=0)
    assert np.abs(values(weights)[0] - start[0]).max() > 0.05


def test_inside_loss_scaling_skipped_steps_do_not_count():
    weights = variables()
    inner = AdamW(0.1, ema=0.5)
    scaled = keras.optimizers.LossScaleOptimizer(inner, initial_scale=1.0)
    scaled.build(weights)
    inner.averages.begin(0, 0, 4)
    steps = gradients(3)
    broken = [np.full(shape, np.inf, "float32") for shape in SHAPES]
    after = trained(scaled, weights, [*steps[:2], broken, steps[2]])
    # The step after the broken one had its gradient divided by half the scale.
    assert_close(after[2], after[1], rtol=0)
    inner.averages.show(True)
    kept = [after[0], after[1], after[3]]
    assert_close(values(weights), exponential(kept, 0.5), rtol=1e-5, atol=1e-6)


def test_saved_while_the_means_are_shown(tmp_path):
    """Weights and means come back in their places, and training goes on the same."""
    runs = []
    for saves in (False, True):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        model.compile(AdamW(0.1, ema=0.9), "mse")
        model.optimizer.build(model.trainable_variables)
        model.optimizer.averages.begin(0, 0, 4)
        x, y = np.eye(3, dtype="float32"), np.ones((3, 2), "float32")
        for step in range(4):
            if step == 2:
                model.optimizer.averages.show(True)
            if step == 2 and saves:
                model.save(tmp_path / "model.keras")
                again = keras.saving.load_model(tmp_path / "model.keras")
                assert_close(again.get_weights(), model.get_weights(), rtol=0)
                model = again
            if step == 2:
                model.optimizer.averages.show(False)
            model.train_on_batch(x, y)
        runs.append([np.array(v) for v in (*model.weights, *model.optimizer.variables)])
    assert_close(*runs, rtol=0)


def test_config():
    for settings in ({"ema": 0.9}, {"swa": 0.25}, {}):
        config = AdamW(**settings).get_config()
        again = AdamW.from_config(config)
        assert (again.averages.ema, again.averages.swa) == (
            settings.get("ema"),
            settings.get("swa"),
        )
    weights = variables()
    plain = AdamW(0.1)
    plain.build(weights)
    # Iterations, rate, two moments a weight: nothing is held where nothing is averaged.
    assert len(plain.variables) == 2 + 2 * len(weights)


@pytest.mark.parametrize("make", [AdamW, lambda ema=None, swa=None: Averages(ema, swa)])
def test_errors(make):
    for ema in (0, 1, -0.1, "0.9", np.nan):
        with pytest.raises(InputError, match="`ema` must be a number"):
            make(ema=ema)
    for swa in (0, 1.1, True, [0.5]):
        with pytest.raises(InputError, match="`swa` must be a number"):
            make(swa=swa)
    with pytest.raises(InputError, match="`ema` and `swa` cannot be combined"):
        make(ema=0.9, swa=0.5)
