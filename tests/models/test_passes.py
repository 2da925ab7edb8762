"""The passes are what they say: of these masks, embeddings, weights, so many."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.objectives.stepping import (
    TASKS,
    Cut,
    batch,
    build,
    losses,
    mean,
    rewound,
    step,
)
from tfreg import _compat, layers
from tfreg.models.passes import ModelPasses
from tfreg.objectives import (
    FGM,
    SAM,
    VAT,
    ConfidencePenalty,
    Focal,
    FreeLB,
    Mixup,
    RDrop,
)

DROPOUT = {"dropout": 0.4, "backbone_dropout": 0.3, "attention_dropout": 0.3}


def passes_of(model, task="classify"):
    x, y, w = batch(task)
    return ModelPasses(model, x, y, model(x, training=True), w)


@pytest.mark.parametrize("task", TASKS)
def test_means_and_weights(task):
    x, y, w = batch(task)
    model = build(task, FGM(1.0))
    passes = passes_of(model, task)
    values = losses(task, y, passes.logits)
    expected = mean(task, y, values, w)
    assert float(passes.loss(passes.logits)) == pytest.approx(float(expected), rel=1e-5)
    found = passes.mean(passes.weigh(values))
    assert float(found) == pytest.approx(float(expected), rel=1e-5)
    assert float(passes.mean(values)) == pytest.approx(float(mean(task, y, values)))
    real = np.asarray(y) >= 0 if task == "tag" else np.ones(4)
    np.testing.assert_array_equal(passes.real, real)
    shape = (4, 8, 16)
    assert tuple(map(int, passes.delta_shape)) == shape
    assert passes.pieces.shape == (4, 8, 1)
    again = model.loss(y, passes.logits, w)  # what plain training says
    assert float(passes.loss(passes.logits)) == pytest.approx(float(again), rel=1e-6)


@pytest.mark.parametrize("task", ["classify", "tag"])
def test_moved_is_the_model_from_its_embeddings_on(task):
    x, _, _ = batch(task)
    model = build(task, FGM(1.0))
    cut, passes = Cut(model), passes_of(model, task)
    delta = 0.3 * np.random.default_rng(0).normal(size=(4, 8, 16)).astype("float32")
    expected = cut.logits(cut.embeddings(x) + delta, x)
    np.testing.assert_allclose(passes.moved(delta), expected, atol=2e-5)
    assert np.abs(passes.moved(delta) - passes.logits).max() > 0.01
    np.testing.assert_allclose(passes.moved(0 * delta), passes.logits, atol=1e-6)
    # Padding is read by nobody.
    padding = np.asarray(x["padding_mask"])[:, :, None] == 0
    moved = passes.moved(np.where(padding, 9.0, delta).astype("float32"))
    np.testing.assert_allclose(moved, expected, atol=2e-5)
    np.testing.assert_array_equal(model(x, training=True), passes.logits)  # as it was


def test_masks_are_repeated_or_not():
    x, _, _ = batch()
    model = build("classify", FGM(1.0), **DROPOUT)
    rewound(model)
    passes = passes_of(model)
    zeros = np.zeros((4, 8, 16), "float32")
    first = passes.moved(zeros)
    np.testing.assert_array_equal(first, passes.moved(zeros))
    assert passes.loss_at(passes.weights) == passes.loss(first)
    assert np.abs(first - passes.logits).max() > 0.01
    others = [passes.again() for _ in range(2)]
    np.testing.assert_array_equal(first, passes.moved(zeros))
    for other in (passes.logits, first, others[1]):
        assert np.abs(others[0] - other).max() > 0.01
    # What they draw is what as many plain passes draw, and the next goes on.
    plain = build("classify", **DROPOUT)
    rewound(plain)
    for expected in (passes.logits, first, *others, model(x, training=True)):
        np.testing.assert_allclose(plain(x, training=True), expected, atol=1e-6)


def test_the_loss_at_other_weights():
    x, y, w = batch()
    model, other = build("classify", SAM(1.0)), build()
    passes = passes_of(model)
    random = np.random.default_rng(0)
    values = [
        random.normal(0.0, 0.3, variable.shape).astype("float32")
        for variable in model.trainable_variables
    ]
    found = passes.loss_at(values)
    for variable, value in zip(other.trainable_variables, values):
        variable.assign(value)
    expected = other.compute_loss(x, y, other(x), w)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(model(x), passes.logits, atol=1e-6)


def test_slopes_are_constant_and_the_value_is_not():
    model = build("classify", FGM(1.0))
    kernel = model.logits.kernel.value
    start = tf.Variable([3.0, 4.0])
    for run in (lambda f: f(), lambda f: tf.function(f)()):

        def inner():
            with tf.GradientTape() as tape:
                passes = passes_of(model)
                value, (slope, none) = passes.slopes(
                    lambda x, y: tf.reduce_sum(x * x) * tf.reduce_sum(kernel),
                    start + 0.0,
                    tf.ones((2, 3)),
                )
                total = value + tf.reduce_sum(slope)
            return slope, none, tape.gradient(total, [start, kernel])

        slope, none, (of_start, of_kernel) = run(inner)
        np.testing.assert_allclose(slope, 2 * start * np.sum(kernel), rtol=1e-5)
        np.testing.assert_array_equal(none, np.zeros((2, 3)))
        assert of_start is None
        np.testing.assert_allclose(of_kernel, 25.0 * np.ones(kernel.shape), rtol=1e-5)


@pytest.fixture
def calls(monkeypatch):
    """Counts the passes through a model of one block."""
    names = []
    block = layers.TransformerEncoder
    original = block.call

    def call(
        self, inputs, padding_mask=None, attention_mask=None, training=None, **kwargs
    ):
        names.append(training)
        return original(self, inputs, padding_mask, attention_mask, training, **kwargs)

    monkeypatch.setattr(block, "call", call)
    return names


@pytest.mark.parametrize(
    "objective, count",
    [
        (None, 0),
        (RDrop(), 1),
        (VAT(), 3),
        (VAT(steps=2), 4),
        (FGM(), 2),
        (FreeLB(), 3),
        (FreeLB(steps=1), 1),
        (Mixup(), 1),
        (ConfidencePenalty(), 0),
        (Focal(), 0),
        (SAM(), 2),
        ([RDrop(), FGM(0.5)], 3),
        ([SAM(), VAT(), ConfidencePenalty()], 5),
        ([Focal(), RDrop(0.0)], 0),
    ],
)
def test_the_number_of_passes_is_what_it_says(objective, count, calls):
    model = build("classify", objective, dropout=0.1)
    x, y, w = batch()
    calls.clear()
    step(model, x, y, w)
    assert calls == [True] * (1 + count)
    assert sum(each.passes for each in model.objectives) == count


def test_rerouted_is_undone_and_says_if_it_was_of_no_use():
    layer = keras.layers.Dropout(0.0)
    x = tf.ones((2, 3))
    with _compat.rerouted(layer, before=lambda x: x + 1, after=lambda x: 3 * x):
        with _compat.rerouted(layer, after=lambda x: x + 0.5):
            np.testing.assert_array_equal(layer(x), 6.5 * np.ones((2, 3)))
        np.testing.assert_array_equal(layer(x), 6 * np.ones((2, 3)))
    np.testing.assert_array_equal(layer(x), x)
    assert "call" not in vars(layer)
    with pytest.raises(RuntimeError, match=f"'{layer.name}' was not called"):
        with _compat.rerouted(layer):
            pass
    with pytest.raises(ZeroDivisionError):
        with _compat.rerouted(layer):
            1 / 0
    assert "call" not in vars(layer)


def test_random_states_are_those_of_all_dropout():
    model = build("classify", FGM(1.0), **DROPOUT)
    states = {id(state) for state in _compat.random_states(model)}
    generators = [
        layer.seed_generator
        for layer in _compat.nested_layers(model)
        if hasattr(layer, "seed_generator")
    ]
    assert len(generators) == 5  # embeddings, attention, two in a block, head
    assert states == {id(each.state) for each in [*generators, model.noise]}
