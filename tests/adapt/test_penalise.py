from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.backbones import KINDS, tiny
from tfreg._checks import InputError
from tfreg.adapt.freeze import freeze
from tfreg.adapt.penalise import Anchors, penalise
from tfreg.regularizers import L1, L2, L2SP

QUERY = "transformer_layer_0/self_attention_layer/query/kernel"


def attached(backbone):
    return {v.path for v in backbone.variables if v.regularizer is not None}


def scalar(losses):
    return float(sum(losses))


@pytest.mark.parametrize("kind", KINDS)
def test_one_penalty_for_all_kernels(kind):
    backbone = tiny(kind)
    assert len({v.path for v in backbone.variables}) == len(backbone.variables)
    found = penalise(backbone, L2(0.1), Anchors()).by_path
    kernels = [v for v in backbone.variables if v.path.endswith("/kernel")]
    assert attached(backbone) == set(found) == {v.path for v in kernels}
    assert not any("embedding" in path and "projection" not in path for path in found)
    expected = 0.1 * sum((v.numpy().astype("float64") ** 2).sum() for v in kernels)
    assert scalar(backbone.losses) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_anchored_where_they_are_now(kind):
    backbone, anchors = tiny(kind), Anchors()
    found = penalise(backbone, L2SP(0.5), anchors).by_path
    assert scalar(backbone.losses) == 0.0
    assert len(anchors) == len(found) == len(anchors.weights)
    assert not anchors.trainable_weights
    moved = 0.0
    for variable in backbone.trainable_variables:
        step = np.full(variable.shape, 0.25, "float32")
        if variable.path in found:
            held = anchors[variable.path].numpy()
            np.testing.assert_array_equal(variable.numpy(), held)
            moved += step.size * 0.25**2
        variable.assign_add(step)
    assert scalar(backbone.losses) == pytest.approx(0.5 * moved, rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients(kind):
    """2λw, and 2α(w − w⁰): of kernels alone, and of all of them."""
    for penalty, origin in ((L2(0.1), 0), (L2SP(0.1), 1)):
        backbone = tiny(kind)
        start = {v.path: v.numpy() for v in backbone.trainable_variables}
        found = penalise(backbone, penalty, Anchors()).by_path
        for variable in backbone.trainable_variables:
            variable.assign_add(0.5 * keras.ops.ones(variable.shape))
        variables = [v.value for v in backbone.trainable_variables]
        with tf.GradientTape() as tape:
            loss = sum(backbone.losses)
        gradients = tape.gradient(loss, variables)
        for variable, gradient in zip(backbone.trainable_variables, gradients):
            if variable.path not in found:
                assert gradient is None
                continue
            expected = 0.2 * (variable.numpy() - origin * start[variable.path])
            np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-7)


def test_a_penalty_for_each_pattern():
    backbone, anchors = tiny(), Anchors()
    rules = {
        "transformer_layer_0/*/kernel": L2SP(1.0),
        "transformer_layer_1/*/query/kernel": L1(0.5),
        "token_embedding/embeddings": L2(0.25),
    }
    found = penalise(backbone, rules, anchors).by_path
    by_path = {v.path: v for v in backbone.variables}
    lower = {p for p in by_path if p.startswith("transformer_layer_0/")}
    lower = {p for p in lower if p.endswith("/kernel")}
    other = "transformer_layer_1/self_attention_layer/query/kernel"
    assert set(found) == lower | {other, "token_embedding/embeddings"}
    assert len(anchors) == len(lower) == 6
    assert type(found[other]) is L1
    expected = 0.5 * np.abs(by_path[other].numpy()).sum()
    expected += 0.25 * (by_path["token_embedding/embeddings"].numpy() ** 2).sum()
    assert scalar(backbone.losses) == pytest.approx(float(expected), rel=1e-5)


def test_the_users_own_penalty_object_stays_free():
    penalty = L2SP(0.5)
    penalise(tiny(), penalty, Anchors())
    with pytest.raises(InputError, match="no anchor"):
        penalty(np.zeros(2))


def test_nothing_to_attach():
    backbone = tiny()
    assert penalise(backbone, None, Anchors()) == ({}, {})
    assert attached(backbone) == set()


def test_frozen_weights_are_left_out():
    backbone = tiny()
    freeze(backbone, 1)
    found = penalise(backbone, L2(0.1), Anchors()).by_path
    starts = {path.split("/")[0] for path in found}
    assert starts == {"transformer_layer_1", "pooled_dense"}


def message(backbone, regularizer):
    with pytest.raises(InputError) as error:
        penalise(backbone, regularizer, Anchors())
    assert attached(backbone) == set() or "already" in str(error.value)
    return str(error.value)


def test_patterns_that_overlap():
    rules = {"*/query/kernel": L2(0.1), "transformer_layer_0/*": L2(0.1)}
    assert message(tiny(), rules) == (
        "`backbone_regularizer`: the patterns '*/query/kernel' and "
        f"'transformer_layer_0/*' both match '{QUERY}'"
    )


def test_a_pattern_that_matches_nothing():
    found = message(tiny(), {"*/query/kernel": L2(0.1), "LayerNorm": L2(0.1)})
    assert found.startswith(
        "`backbone_regularizer`: the pattern 'LayerNorm' matches no weight; "
        f"paths look like {QUERY}, "
    )


def test_a_pattern_that_matches_frozen_weights():
    backbone = tiny()
    freeze(backbone, 1)
    assert message(backbone, {"*/query/kernel": L2(0.1)}) == (
        f"`backbone_regularizer`: '{QUERY}' is frozen, and a penalty on a frozen "
        "weight does nothing (1 such weights)"
    )


def test_nothing_that_trains():
    backbone = tiny()
    freeze(backbone, "backbone")
    found = message(backbone, L2(0.1))
    assert found == "`backbone_regularizer`: the backbone has no kernel that trains"


def test_a_second_time():
    backbone = tiny()
    penalise(backbone, {"*/query/kernel": L2(0.1)}, Anchors())
    for regularizer in (L2(0.1), None):
        assert message(backbone, regularizer) == (
            "this backbone already belongs to a model with penalties; load it anew"
        )


@pytest.mark.parametrize("jit", [False, True])
def test_a_step_moves_weights_by_exactly_the_formula(jit):
    """w ← w − η·2λw and w ← w − η·2α(w − w⁰), where the data says nothing."""
    backbone, anchors = tiny(), Anchors()
    rules = {
        "transformer_layer_0/*/kernel": L2(0.1),
        "transformer_layer_1/*/kernel": L2SP(0.2),
    }
    penalise(backbone, rules, anchors)
    start = {v.path: v.numpy() for v in backbone.trainable_variables}
    random = np.random.default_rng(0)
    for variable in backbone.trainable_variables:
        variable.assign_add(0.1 * random.normal(size=variable.shape))
    model = keras.Model(backbone.input, backbone(backbone.input)["pooled_output"])
    model.compile(keras.optimizers.SGD(0.5), loss=lambda y, p: 0.0 * p, jit_compile=jit)
    before = {v.path: v.numpy() for v in backbone.trainable_variables}
    ids = random.integers(5, 30, (2, 4))
    x = {"token_ids": ids, "segment_ids": 0 * ids, "padding_mask": 0 * ids + 1}
    model.fit(x, np.zeros((2, 32)), verbose=0)
    for variable in backbone.trainable_variables:
        path, change = variable.path, 0.0
        if path.endswith("/kernel") and path.startswith("transformer_layer_0/"):
            change = 0.5 * 2 * 0.1 * before[path]
        if path.endswith("/kernel") and path.startswith("transformer_layer_1/"):
            change = 0.5 * 2 * 0.2 * (before[path] - start[path])
        np.testing.assert_allclose(
            variable.numpy(), before[path] - change, atol=2e-7, err_msg=path
        )


def test_setting_the_attribute_of_a_layer_still_does_nothing():
    """When this fails, `penalise` may have a simpler way."""
    backbone = tiny()
    backbone.get_layer("pooled_dense").kernel_regularizer = L2(0.1)
    assert backbone.losses == []


def test_anchors_are_saved_with_what_owns_them(tmp_path):
    anchors, again = Anchors(name="anchors"), Anchors(name="anchors")
    variables = [
        keras.Variable(np.full((2, 3), value, "float32"), name=f"kernel_{value}")
        for value in (1, 2)
    ]
    for variable in variables:
        anchors.hold(variable)
        variable.assign(keras.ops.zeros((2, 3)))
        again.hold(variable)
    store = {}
    anchors.save_own_variables(store)
    again.load_own_variables(store)
    for value, variable in zip((1, 2), variables):
        assert (again[variable.path].numpy() == value).all()


def test_anchors_are_float32_under_any_policy():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        anchors = Anchors()
        held = anchors.hold(keras.Variable(np.full(2, 1e5, "float32"), name="kernel"))
    finally:
        keras.config.set_dtype_policy("float32")
    assert held.dtype == "float32" and (held.numpy() == 1e5).all()


def test_a_penalty_that_cannot_take_the_weight_says_so_at_once():
    rule = keras.regularizers.OrthogonalRegularizer(0.1)
    message = "OrthogonalRegularizer cannot penalise .*query/kernel', 3 axes"
    with pytest.raises(InputError, match=message):
        penalise(tiny(), {"*/query/kernel": rule}, Anchors())


@pytest.mark.parametrize("error", [ValueError(), RuntimeError("no\nmatrix")])
def test_a_penalty_of_ones_own_that_fails_says_so_too(error):
    class Own(keras.regularizers.Regularizer):
        def __call__(self, x):
            raise error

    message = "Own cannot penalise .*query/kernel', 3 axes: (ValueError|no)$"
    with pytest.raises(InputError, match=message):
        penalise(tiny(), {"*/query/kernel": Own()}, Anchors())
