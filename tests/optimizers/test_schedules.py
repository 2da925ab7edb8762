from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfreg._checks import InputError
from tfreg.optimizers import AdamW, WarmupDecay


def table(schedule, steps):
    return [float(schedule(step)) for step in range(steps)]


@pytest.mark.parametrize(
    ("kind", "fall"),
    [
        # Six steps of eight remain after a warm-up of two: r = 0, 1/6, ... 5/6.
        ("linear", [1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6]),
        (
            "cosine",
            [
                *(1, (2 + math.sqrt(3)) / 4, 3 / 4),
                *(1 / 2, 1 / 4, (2 - math.sqrt(3)) / 4),
            ],
        ),
        ("constant", [1] * 6),
    ],
)
def test_by_hand(kind, fall):
    schedule = WarmupDecay(0.2, warmup=0.25, schedule=kind, total_steps=8)
    expected = [0.1, 0.2, *(0.2 * share for share in fall)]
    np.testing.assert_allclose(table(schedule, 8), expected, rtol=1e-6)


def howard_and_ruder(steps, share, peak, ratio=32):
    """Equation 3, step by step, as it stands in the paper."""
    cut = math.floor(steps * share)
    rates = []
    for t in range(steps):
        p = t / cut if t < cut else 1 - (t - cut) / (cut * (1 / share - 1))
        rates.append(peak * (1 + p * (ratio - 1)) / ratio)
    return rates


@pytest.mark.parametrize(
    ("steps", "share"), [(10, 0.1), (100, 0.1), (8, 0.25), (300, 0.29), (7, 5 / 7)]
)
def test_the_slanted_triangle(steps, share):
    schedule = WarmupDecay(0.2, share, "slanted", total_steps=steps)
    expected = howard_and_ruder(steps, share, 0.2)
    np.testing.assert_allclose(table(schedule, steps), expected, rtol=1e-5)
    # It stays where it ended.
    for step in (steps, steps + 1, 10 * steps):
        assert float(schedule(step)) == pytest.approx(0.2 / 32)


def test_the_paper_s_triangle_falls_below_zero_in_a_short_fit():
    """Which is why ours is another one where warmup·T is not whole."""
    assert min(howard_and_ruder(15, 0.1, 1.0)) < 0
    ours = table(WarmupDecay(1.0, 0.1, "slanted", total_steps=15), 15)
    expected = [1 / 32, *((1 + 31 * (1 - i / 14)) / 32 for i in range(14))]
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_zero_from_the_end_on(kind):
    schedule = WarmupDecay(1.0, schedule=kind, total_steps=10)
    assert [float(schedule(step)) for step in (10, 11, 1000)] == [0.0] * 3


def test_a_warm_up_that_ends_between_two_steps():
    # W = 2.5: the third step would be above the peak.
    schedule = WarmupDecay(1.0, warmup=0.25, total_steps=10)
    expected = [1 / 2.5, 2 / 2.5, 1.0, *(1 - (s - 2.5) / 7.5 for s in range(3, 10))]
    np.testing.assert_allclose(table(schedule, 10), expected, rtol=1e-6)


def test_no_warm_up_and_nothing_else():
    straight = WarmupDecay(1.0, warmup=0, total_steps=4)
    np.testing.assert_allclose(table(straight, 4), [1, 0.75, 0.5, 0.25])
    rising = WarmupDecay(1.0, warmup=1, total_steps=4)
    np.testing.assert_allclose(table(rising, 5), [0.25, 0.5, 0.75, 1, 0])


def test_the_peak_until_a_fit_sets_the_steps():
    assert table(WarmupDecay(0.3), 3) == pytest.approx([0.3] * 3)


@pytest.mark.parametrize("total", [1, 2, 3, 7, 100, 1001])
@pytest.mark.parametrize("warmup", [0, 0.1, 0.5, 0.999, 1])
def test_never_above_the_peak_nor_zero_before_the_end(total, warmup):
    for kind in ("linear", "cosine", "constant", "slanted"):
        schedule = WarmupDecay(1.0, warmup, kind, total_steps=total)
        rates = np.array(schedule(np.arange(total)))
        assert rates.max() <= 1 and rates.min() > 0
        rises = math.ceil(warmup * total)
        assert (np.diff(rates[:rises]) >= 0).all()
        assert (np.diff(rates[rises:]) <= 0).all()


def test_a_second_fit_begins_anew():
    schedule = WarmupDecay(1.0, warmup=0.5, total_steps=4)
    first = table(schedule, 4)
    schedule.begin(first_step=4, total_steps=4)
    assert [float(schedule(step)) for step in range(4, 8)] == first
    schedule.begin(first_step=8, total_steps=2)
    assert [float(schedule(step)) for step in (8, 9, 10)] == [1.0, 1.0, 0.0]


def test_never_negative_before_the_fit_began():
    # As in an optimiser rebuilt from its config, whose iterations are 0 again.
    schedule = WarmupDecay(1.0, warmup=0.5, total_steps=4, first_step=100)
    assert float(schedule(0)) == float(schedule(100)) == 0.5


def test_begin_acts_inside_a_traced_function():
    schedule = WarmupDecay(1.0, warmup=0, total_steps=4)
    traces = []

    @tf.function
    def rate(step):
        traces.append(step)
        return schedule(step)

    step = tf.constant(6)
    assert float(rate(step)) == 0.0
    schedule.begin(first_step=4, total_steps=8)
    assert float(rate(step)) == 0.75
    assert len(traces) == 1


def test_begin_moves_the_weights_of_a_compiled_fit():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    schedule = WarmupDecay(0.5, warmup=0, total_steps=2)
    model.compile(keras.optimizers.SGD(schedule), loss=lambda y, p: p)
    kernel = model.layers[0].kernel
    x = np.ones((1, 1), "float32")

    def moved():
        before = float(kernel.numpy()[0, 0])
        model.train_on_batch(x, x)
        return before - float(kernel.numpy()[0, 0])

    assert [moved() for _ in range(3)] == pytest.approx([0.5, 0.25, 0])
    schedule.begin(first_step=3, total_steps=4)
    assert [moved() for _ in range(2)] == pytest.approx([0.5, 0.375])


def test_round_trip_with_live_counts():
    schedule = WarmupDecay(0.1, warmup=0.2, schedule="cosine")
    schedule.begin(first_step=7, total_steps=50)
    assert schedule.get_config() == {
        "learning_rate": 0.1,
        "warmup": 0.2,
        "schedule": "cosine",
        "total_steps": 50,
        "first_step": 7,
    }
    optimizer = keras.optimizers.deserialize(
        keras.optimizers.serialize(AdamW(schedule))
    )
    again = optimizer._learning_rate
    assert type(again) is WarmupDecay
    for step in (7, 12, 30, 56):
        assert float(again(step)) == float(schedule(step))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"learning_rate": 0}, "`learning_rate` must be a number in (0, inf]; got 0"),
        ({"warmup": 1.5}, "`warmup` must be a number in [0, 1]; got 1.5"),
        ({"warmup": 100}, "`warmup` must be a number in [0, 1]; got 100"),
        (
            {"schedule": "poly"},
            "`schedule` must be one of 'linear', 'cosine', 'constant', 'slanted'; "
            "got 'poly'",
        ),
        (
            {"total_steps": -1},
            "`total_steps` must be an integer of at least 0; got -1",
        ),
        (
            {"first_step": 0.5},
            "`first_step` must be an integer of at least 0; got 0.5",
        ),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(InputError) as error:
        WarmupDecay(**{"learning_rate": 1.0, **arguments})
    assert str(error.value) == message


def test_begin_checks_what_it_gets():
    with pytest.raises(InputError, match="`total_steps` must be"):
        WarmupDecay(1.0).begin(0, -1)
    with pytest.raises(InputError, match="`first_step` must be"):
        WarmupDecay(1.0).begin(1.5, 1)
