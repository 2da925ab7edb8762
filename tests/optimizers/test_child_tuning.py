from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.optimizers.test_adamw import numpy_adamw, tiny_model, variable
from tfreg._checks import InputError
from tfreg.optimizers import AdamW, ChildTuning
from tfreg.optimizers.child_tuning import largest

X = np.array([[0, 1, 1], [2, 3, 3]], "int32")
Y = np.ones((2, 3, 1), "float32")


def momentum_after(tuning, gradient, steps=1, path="block/kernel"):
    """What Adam's first moment sees: with β₁ = 0 it is the masked gradient."""
    weight = variable(np.zeros(gradient.shape, "float32"), path)
    optimizer = AdamW(0.1, weight_decay=0.0, beta_1=0.0, child_tuning=tuning)
    seen = []
    for _ in range(steps):
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [weight])
        seen.append(optimizer._momentums[0].numpy())
    return seen


def test_the_task_free_mask():
    gradient = np.random.default_rng(0).normal(size=(300, 40)).astype("float32")
    seen = momentum_after(ChildTuning(0.3), gradient, steps=3)
    for found in seen:
        kept = found != 0
        np.testing.assert_allclose(found[kept], gradient[kept] / 0.3, rtol=1e-5)
        assert kept.mean() == pytest.approx(0.3, abs=0.02)
    both = (seen[0] != 0) & (seen[1] != 0)
    assert both.mean() == pytest.approx(0.09, abs=0.02)  # drawn anew, independently
    again = momentum_after(ChildTuning(0.3), gradient, steps=3)
    for one, other in zip(seen, again):
        np.testing.assert_array_equal(one, other)
    others = momentum_after(ChildTuning(0.3, seed=1), gradient)
    assert (others[0] != seen[0]).any()


def test_its_expectation_is_the_gradient():
    gradient = np.linspace(-1, 1, 24).astype("float32").reshape(4, 6)
    mean = np.mean(momentum_after(ChildTuning(0.5), gradient, steps=800), axis=0)
    # Each mean has the deviation |g|·sqrt((1 − p)/p/800) = 0.035·|g|.
    assert (np.abs(mean - gradient) <= 5 * 0.0354 * np.abs(gradient) + 1e-6).all()


def test_weights_of_one_shape_have_masks_of_their_own():
    ones = np.ones((50, 4), "float32")
    weights = [variable(0 * ones, f"{name}/kernel") for name in "ab"]
    optimizer = AdamW(0.1, beta_1=0.0, child_tuning=ChildTuning(0.5))
    optimizer.apply([keras.ops.convert_to_tensor(ones)] * 2, weights)
    one, other = (m.numpy() for m in optimizer._momentums[:2])
    assert (one != other).any()


def fitted(tuning, epochs=3, **compile_args):
    model = tiny_model()
    model.compile(AdamW(0.05, child_tuning=tuning), "mse", **compile_args)
    model.fit(X, Y, epochs=epochs, verbose=0)
    return model


def values(model):
    return {weight.path: weight.numpy() for weight in model.weights}


def test_the_whole_is_plain():
    plain, whole = values(fitted(None)), values(fitted(ChildTuning(1.0)))
    for path in plain:
        np.testing.assert_array_equal(plain[path], whole[path])


def test_other_weights_train_as_ever():
    weight = variable(np.zeros((3, 3), "float32"), "logits/kernel")
    other = variable(np.zeros((3, 3), "float32"), "block/kernel")
    tuning = ChildTuning(0.5, paths=["block/*"])
    optimizer = AdamW(0.1, beta_1=0.0, child_tuning=tuning)
    optimizer.apply([keras.ops.ones((3, 3))] * 2, [weight, other])
    head, block = (m.numpy() for m in optimizer._momentums[:2])
    assert (head == 1).all() and set(np.unique(block)) <= {0.0, 2.0}


def test_the_largest():
    random = np.random.default_rng(0)
    arrays = {"a": random.random((20, 5)), "b": random.random(100)}
    found = largest(arrays, 0.15)
    together = np.concatenate([array.ravel() for array in arrays.values()])
    least = np.sort(together)[-30]
    for path, array in arrays.items():
        np.testing.assert_array_equal(found[path], array >= least)
    zeros = largest({"a": np.array([0.0, 0.0, 1.0, 0.0])}, 0.5)
    assert zeros["a"].tolist() == [False, False, True, False]
    assert largest({"a": np.array([1.0, 2.0, 3.0])}, 0.01)["a"].sum() == 1


def test_the_task_s_choice_is_all_that_moves():
    random = np.random.default_rng(0)
    start = random.normal(size=(4, 5)).astype("float32")
    weight = variable(start, "block/kernel")
    optimizer = AdamW(0.05, weight_decay=0.1, child_tuning=ChildTuning(0.25, True))
    optimizer.build([weight])
    assert optimizer.lacks_child
    gradients = random.normal(size=(3, 4, 5)).astype("float32")
    optimizer.apply([keras.ops.convert_to_tensor(gradients[0])], [weight])
    np.testing.assert_array_equal(weight, start)  # nobody has chosen yet
    fresh = AdamW(0.05, weight_decay=0.1, child_tuning=ChildTuning(0.25, True))
    fresh.build([weight])
    fisher = random.random((4, 5))
    fresh.choose_child({"block/kernel": fisher, "other": None})
    assert not fresh.lacks_child
    for gradient in gradients:
        fresh.apply([keras.ops.convert_to_tensor(gradient)], [weight])
    child = fisher >= np.sort(fisher.ravel())[-5]
    expected = np.where(child, numpy_adamw(start, gradients, 0.05, 0.1), start)
    np.testing.assert_allclose(weight, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(weight.numpy()[~child], start[~child])


@pytest.mark.parametrize("tuning", [ChildTuning(0.5, seed=3), ChildTuning(0.5, True)])
def test_saved_with_its_masks(tuning, tmp_path):
    model = tiny_model()
    model.compile(AdamW(0.05, child_tuning=tuning), "mse")
    model.optimizer.build(model.trainable_variables)
    if tuning.fisher:
        fisher = {
            w.path: np.random.default_rng(0).random(w.shape) for w in model.weights
        }
        model.optimizer.choose_child(fisher)
    model.fit(X, Y, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.optimizer.child_tuning.get_config() == tuning.get_config()
    assert not again.optimizer.lacks_child
    for each in (model, again):
        each.fit(X, Y, epochs=2, verbose=0)
    for ours, theirs in zip(model.weights, again.weights):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_xla():
    plain, xla = values(fitted(ChildTuning(0.5))), values(
        fitted(ChildTuning(0.5), jit_compile=True)
    )
    for path in plain:
        np.testing.assert_allclose(plain[path], xla[path], rtol=1e-4, atol=1e-5)


def test_what_was_left_open_is_filled():
    tuning = ChildTuning(0.2).of(["a/*"], 7)
    assert (tuning.paths, tuning.seed, tuning.share) == (("a/*",), 7, 0.2)
    kept = ChildTuning(0.2, paths=["b/*"], seed=1).of(["a/*"], 7)
    assert (kept.paths, kept.seed) == (("b/*",), 1)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"share": 0}, "`share` must be a number in (0, 1]; got 0"),
        ({"share": 1.5}, "`share` must be a number in (0, 1]; got 1.5"),
        ({"fisher": 1}, "`fisher` must be True or False; got 1"),
        ({"paths": "a/*"}, "`paths` must be a sequence of patterns; got 'a/*'"),
        ({"seed": -1}, "`seed` must be an integer of at least 0"),
    ],
)
def test_impossible_arguments(arguments, words):
    with pytest.raises(InputError) as error:
        ChildTuning(**arguments)
    assert str(error.value).startswith(words)


def test_patterns_that_match_nothing():
    optimizer = AdamW(child_tuning=ChildTuning(paths=["none/*"]))
    with pytest.raises(InputError, match="no weight that trains matches its paths"):
        optimizer.build(tiny_model().trainable_variables)
    with pytest.raises(InputError, match="`child_tuning` must be a ChildTuning or"):
        AdamW(child_tuning=0.3)
