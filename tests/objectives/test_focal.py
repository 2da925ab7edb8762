from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.objectives.stepping import assert_same, batch, build, mean, oracle, step
from tfreg._checks import InputError
from tfreg.objectives import CrossEntropy, Focal, SquaredError
from tfreg.objectives.mean_over_real import MeanOverReal


def focal(task, y, logits, gamma):
    """Keras's, one position at a time."""
    if task == "multilabel":
        theirs = keras.losses.BinaryFocalCrossentropy(
            gamma=gamma, from_logits=True, reduction="none"
        )
        return theirs(y, logits)
    theirs = keras.losses.CategoricalFocalCrossentropy(
        alpha=1.0, gamma=gamma, from_logits=True, reduction="none"
    )
    return theirs(tf.one_hot(tf.maximum(y, 0), 3), logits)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
@pytest.mark.parametrize("task", ["classify", "multilabel", "tag"])
def test_it_is_keras_s(task, gamma):
    model = build(task, Focal(gamma))
    x, y, w = batch(task)

    def loss():
        return mean(task, y, focal(task, y, model(x, training=True), gamma), w)

    assert_same(model, step(model, x, y, w), oracle(model, loss), atol=2e-5)


@pytest.mark.parametrize("task", ["classify", "multilabel"])
@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
def test_far_from_zero_it_stays_finite(task, gamma):
    """1 − p is 0 in float32 there, and its root has no gradient."""
    loss = Focal(gamma).replaced(build(task).loss, task)
    logits = tf.Variable([[200.0, -200.0, 0.0], [-200.0, 200.0, 30.0]])
    y = [0, 0] if task == "classify" else [[1.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    with tf.GradientTape() as tape:
        value = loss.call(tf.constant(y), logits)
    assert np.isfinite(value).all()
    assert np.isfinite(tape.gradient(value, logits)).all()
    assert float(value[0]) < 1.0 and float(value[1]) > 100.0


def test_off_it_is_cross_entropy():
    loss = Focal(1e-9).replaced(CrossEntropy(), "classify")
    logits = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    y = np.array([0, 1, 2, 0, 1])
    assert float(loss(y, logits)) == pytest.approx(float(CrossEntropy()(y, logits)))
    assert build("classify", Focal(0.0)).objectives == ()


def test_an_id_that_no_label_has_is_not_passed_over():
    loss = Focal(2.0).replaced(CrossEntropy(), "classify")
    assert np.isnan(float(loss(np.array([0, 3]), np.zeros((2, 3), "float32"))))


def test_evaluate_stays_plain():
    x, y, _ = batch()
    model = build("classify", Focal(2.0), compiled={"run_eagerly": True})
    loss, cross_entropy, *_ = model.evaluate(x, y, verbose=0)
    assert loss == pytest.approx(cross_entropy, abs=1e-6)
    history = model.fit(x, y, epochs=1, verbose=0).history
    assert history["loss"][0] < 0.9 * history["cross_entropy"][0]


def test_what_it_cannot_stand_in_the_place_of():
    with pytest.raises(InputError, match="Focal is not defined for a regressor"):
        build("regress", Focal(2.0))
    with pytest.raises(InputError, match="`label_smoothing` and Focal cannot be comb"):
        build("classify", Focal(2.0), label_smoothing=0.1)

    class Own(CrossEntropy):
        pass

    for loss in (CrossEntropy(0.1), Own(), SquaredError()):
        assert isinstance(loss, MeanOverReal)
        with pytest.raises(InputError, match="Focal stands in the place of the cross"):
            build("classify", Focal(2.0), compiled={"loss": loss})
