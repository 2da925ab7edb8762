from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.optimizers.test_adamw import numpy_adamw, tiny_model, variable
from tfreg._checks import InputError
from tfreg.optimizers import AdamW, WarmupDecay

X = np.array([[0, 1, 1], [2, 3, 3]], "int32")
Y = np.ones((2, 3, 1), "float32")
FACTORS = {"first/*": 0.25, "*/kernel": 2.0, "token_embedding/*": 0.0}


def gradients_of(random, weights):
    return [random.normal(size=w.shape).astype("float32") for w in weights]


@pytest.mark.parametrize("settings", [{}, {"amsgrad": True}])
def test_rate_and_decay_times_the_factor(settings):
    random = np.random.default_rng(0)
    paths = ["first/kernel", "second/kernel", "second/bias", "token_embedding/rows"]
    starts = [random.normal(size=(3, 2)).astype("float32") for _ in paths]
    weights = [variable(start, path) for start, path in zip(starts, paths)]
    optimizer = AdamW(
        0.05, weight_decay=0.1, no_decay=(), multipliers=FACTORS, **settings
    )
    steps = [gradients_of(random, weights) for _ in range(4)]
    for gradients in steps:
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradients], weights)
    if settings:  # AMSGrad at factor 1 is Keras's, see test_adamw
        np.testing.assert_array_equal(weights[3], starts[3])
        return
    for i, factor in enumerate((0.25, 2.0, 1.0, 0.0)):
        gradients = [step[i] for step in steps]
        expected = numpy_adamw(starts[i], gradients, 0.05 * factor, 0.1)
        np.testing.assert_allclose(weights[i], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(weights[3], starts[3])


def test_factors_of_one_are_no_factors():
    found = []
    for multipliers in (None, {"*/kernel": 1.0, "first/*": 1.0}):
        model = tiny_model()
        model.compile(AdamW(WarmupDecay(0.05), multipliers=multipliers), "mse")
        model.fit(X, Y, epochs=3, verbose=0)
        found.append([weight.numpy() for weight in model.weights])
    for one, other in zip(*found):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("jit", [False, True])
def test_set_while_training_and_not_traced_anew(jit):
    model = tiny_model()
    model.compile(AdamW(0.05, multipliers={"first/*": 0.5}), "mse", jit_compile=jit)
    kernel = model.get_layer("first").kernel
    traces = []
    step = model.train_step

    def counted(*args):
        traces.append(1)
        return step(*args)

    model.train_step = counted
    model.fit(X, Y, epochs=1, verbose=0)
    first = len(traces)
    for share in (0.0, 1.0, 0.0):
        before = kernel.numpy()
        model.optimizer.scale("first/*", share)
        model.fit(X, Y, epochs=1, verbose=0)
        assert (kernel.numpy() != before).any() == bool(share)
    assert len(traces) == first


def test_kept_in_config_and_state(tmp_path):
    model = tiny_model()
    model.compile(AdamW(0.05, multipliers=FACTORS), "mse")
    model.fit(X, Y, epochs=1, verbose=0)
    model.optimizer.scale("first/*", 0.5)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert dict(again.optimizer.multipliers) == FACTORS
    for each in (model, again):
        each.fit(X, Y, epochs=1, verbose=0)
    for ours, theirs in zip(model.weights, again.weights):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    ours, theirs = model.optimizer.variables, again.optimizer.variables
    assert [float(v.numpy()) for v in theirs if "multiplier" in v.path] == [0.125, 2, 0]
    assert len(ours) == len(theirs)


def test_inside_loss_scaling():
    model = tiny_model(dtype="mixed_float16")
    inner = AdamW(0.05, multipliers={"first/*": 0.0})
    model.compile(keras.optimizers.LossScaleOptimizer(inner, 2.0), "mse")
    before = [weight.numpy() for weight in model.weights]
    model.fit(X, Y, epochs=2, verbose=0)
    for weight, was in zip(model.weights, before):
        assert (weight.numpy() == was).all() == weight.path.startswith("first/")


def test_held_before_it_is_built_and_not_after():
    optimizer = AdamW(0.05, multipliers={"first/*": 0.5})
    optimizer.hold(["first/*", "second/*"])
    assert dict(optimizer.multipliers) == {"first/*": 0.5, "second/*": 1.0}
    optimizer.build(tiny_model().trainable_variables)
    optimizer.hold(["second/*"])
    with pytest.raises(InputError, match="trained without a rate for 'norm/\\*'"):
        optimizer.hold(["norm/*"])


@pytest.mark.parametrize("factor", [-0.5, np.nan, "x", None])
def test_impossible_factors(factor):
    with pytest.raises(InputError, match=r"`multipliers\['first/\*'\]` must be a numb"):
        AdamW(multipliers={"first/*": factor})
