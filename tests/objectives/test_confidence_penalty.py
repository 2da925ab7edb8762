from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.objectives.stepping import (
    assert_same,
    batch,
    build,
    losses,
    mean,
    oracle,
    step,
)
from tfreg._checks import InputError
from tfreg.objectives import ConfidencePenalty


def entropy(task, logits):
    if task == "multilabel":
        p = tf.sigmoid(logits)
        each = -p * tf.math.log(p) - (1 - p) * tf.math.log(1 - p)
        return tf.reduce_mean(each, axis=1)
    p = tf.nn.softmax(logits)
    return -tf.reduce_sum(p * tf.math.log(p), axis=-1)


@pytest.mark.parametrize("task", ["classify", "multilabel", "tag"])
def test_the_formula_with_its_gradient(task):
    model = build(task, ConfidencePenalty(0.3))
    x, y, w = batch(task)

    def loss():
        logits = model(x, training=True)
        values = losses(task, y, logits) - 0.3 * entropy(task, logits)
        return mean(task, y, values, w)

    assert_same(model, step(model, x, y, w), oracle(model, loss), atol=5e-6)


def test_it_pulls_to_even_probabilities():
    x, y, _ = batch()
    model = build("classify", ConfidencePenalty(100.0))
    model.compile("adam", run_eagerly=True)
    before = np.ptp(model.predict_on_batch(x), axis=1)
    for _ in range(5):
        model.train_on_batch(x, y)
    assert (np.ptp(model.predict_on_batch(x), axis=1) < before).all()


def test_a_number_has_no_entropy():
    with pytest.raises(
        InputError, match="^`objective`: ConfidencePenalty is not defined for a regr"
    ):
        build("regress", ConfidencePenalty(0.1))
