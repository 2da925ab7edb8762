from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.backbones import tiny
from tests.objectives.stepping import (
    TASKS,
    Cut,
    assert_same,
    batch,
    build,
    losses,
    mean,
    oracle,
    step,
)
from tfreg.models import TextClassifier
from tfreg.objectives import FGM
from tfreg.recipe import Recipe


def fgm(model, cut, weight, epsilon, x, y, w):
    """The paper's loss, on a model cut at its embeddings."""
    task = model.task

    def loss(embeddings):
        return mean(task, y, losses(task, y, cut.logits(embeddings, x)), w)

    embeddings = cut.embeddings(x)
    with tf.GradientTape() as tape:
        tape.watch(embeddings)
        value = loss(embeddings)
    slope = tape.gradient(value, embeddings).numpy()
    assert not slope[np.asarray(x["padding_mask"]) == 0].any()
    size = np.sqrt(np.square(slope).sum(axis=(1, 2), keepdims=True))
    delta = epsilon * np.divide(slope, size, out=0 * slope, where=size > 0)
    return loss(embeddings) + weight * loss(embeddings + delta), delta


@pytest.mark.parametrize("task", TASKS)
def test_the_formula_with_its_gradient(task):
    model = build(task, FGM(0.7, epsilon=0.5))
    x, y, w = batch(task)
    cut = Cut(model)
    expected = oracle(model, lambda: fgm(model, cut, 0.7, 0.5, x, y, w)[0])
    assert_same(model, step(model, x, y, w), expected, atol=3e-5)
    plain = step(build(task), x, y, w)
    assert expected[0] > 1.7 * plain[0]  # a step uphill


def test_a_text_without_weight_is_not_moved():
    x, y, w = batch()
    model = build("classify", FGM(1.0))
    _, delta = fgm(model, Cut(model), 1.0, 1.0, x, y, w)
    lengths = np.sqrt(np.square(delta).sum(axis=(1, 2)))
    np.testing.assert_allclose(lengths, np.asarray(w) > 0, rtol=1e-5)


@pytest.mark.parametrize(
    "kind", ["distilbert", "roberta", "electra", "albert", "deberta"]
)
def test_on_every_backbone(kind):
    x, y, w = batch()
    found = []
    for objective in (None, FGM(1.0)):
        backbone = tiny(kind)
        recipe = Recipe(dropout=0.0, objective=objective)
        model = TextClassifier(backbone, labels=("a", "b", "c"), recipe=recipe)
        model.compile("sgd", run_eagerly=True)
        x = {name: x[name] for name in model.input}
        for variable in model.trainable_variables:
            value = np.random.default_rng(0).normal(0.1, 0.1, variable.shape)
            variable.assign(value.astype("float32"))
        logits = model(x, training=True)
        found.append(float(model.compute_loss(x, y, logits, w, training=True)))
    assert found[1] > 2 * found[0]
