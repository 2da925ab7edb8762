"""Several dropout samples: the loss is the mean of their losses, for every task."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.backbones import tiny, tokenizer
from tests.models.conftest import SENTENCES, TAGS, inputs_of, sgd
from tfreg.builders import build_tagger
from tfreg.models import TextClassifier, TextRegressor, TokenTagger
from tfreg.models.samples import as_rows, averaged
from tfreg.recipe import Recipe
from tfreg.regularizers import L2

WEIGHTS = np.array([1.0, 0.5, 2.0, 0.0], "float32")
PLACES = np.array([[1, 2], [1, 0], [3, 0], [1, 4]], "int32")
TARGETS = {
    "classify": np.array([0, 1, 1, 0]),
    "multilabel": np.array([[0, 1], [1, 1], [0, 0], [1, 0]], "float32"),
    "regress": np.array([0.5, -1.0, 2.0, 0.0], "float32"),
    "tag": np.array([[0, 1], [2, -1], [0, -1], [1, 2]]),
}


def model_of(task, **fields):
    keras.utils.set_random_seed(1)
    fields = {"dropout": 0.5, "multi_sample_dropout": 3, **fields}
    recipe = Recipe(kernel_regularizer=L2(0.1), **fields)
    if task == "tag":
        model = TokenTagger(tiny(), labels=("O", "B-X", "I-X"), recipe=recipe)
    elif task == "regress":
        model = TextRegressor(tiny(), recipe=recipe)
    else:
        many = task == "multilabel"
        model = TextClassifier(
            tiny(), labels=("a", "b"), multi_label=many, recipe=recipe
        )
    model.compile(optimizer=sgd(), run_eagerly=True)
    return model


def loss_in_numpy(task, y, z, weights):
    """Of one set of logits: each task's loss, over what is real."""
    z = z.astype("float64")
    if task == "regress":
        return (weights * (y - z[:, 0]) ** 2).mean()
    if task == "multilabel":
        each = np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0) - y * z
        return (weights * each.mean(1)).mean()
    logs = z - np.log(np.exp(z).sum(-1, keepdims=True))
    chosen = -np.take_along_axis(logs, np.maximum(y, 0)[..., None], -1)[..., 0]
    weights = weights if y.ndim == 1 else weights[:, None]
    return (weights * chosen * (y >= 0)).sum() / (y >= 0).sum()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("task", TARGETS)
def test_the_loss_is_the_mean_of_the_losses(task, weighted, ids):
    model, y = model_of(task), TARGETS[task]
    x = {**inputs_of(model, ids[0]), "word_positions": PLACES}
    x = {name: x[name] for name in model.input}
    weights = WEIGHTS if weighted else np.ones(4)
    z = model(x, training=True)
    assert len(z) == 3 and z.shape[1:] == model(x).shape
    expected = np.mean([loss_in_numpy(task, y, part, weights) for part in z.numpy()])
    penalty = 0.1 * np.square(np.array(model.logits.kernel)).sum()
    given = keras.ops.convert_to_tensor(weights) if weighted else None
    y = keras.ops.convert_to_tensor(y)
    found = float(model.compute_loss(x, y, z, given, training=True))
    assert found == pytest.approx(expected + penalty, rel=1e-5)
    clean = model(x)
    found = float(model.compute_loss(x, y, clean, given, training=False))
    expected = loss_in_numpy(task, TARGETS[task], clean.numpy(), weights)
    assert found == pytest.approx(expected, rel=1e-5)


def test_scores_are_of_the_mean(ids):
    model = model_of("regress")
    x, y = inputs_of(model, ids[0]), TARGETS["regress"]
    z = model(x, training=True)
    scores = model.compute_metrics(x, y, z, None)
    expected = np.square(z.numpy().mean(0)[:, 0] - y).mean()
    assert float(scores["mse"]) == pytest.approx(expected, rel=1e-5)


def test_one_set_is_left_as_it_is(ids):
    model = model_of("classify", multi_sample_dropout=1)
    x, y = inputs_of(model, ids[0]), TARGETS["classify"]
    z = model(x, training=True)
    assert all(a is b for a, b in zip(as_rows(model, y, z, 1), (y, z, 1)))
    assert averaged(model, z) is z


@pytest.mark.parametrize("steps", [1, 2])
def test_a_tagger_is_fitted(steps):
    keras.utils.set_random_seed(2)
    model = build_tagger(
        tiny(),
        ("O", "B-X", "I-X"),
        tokenizer=tokenizer(),
        sequence_length=32,
        dropout=0.3,
        multi_sample_dropout=4,
        learning_rate=1e-2,
        batch_size=4,
        gradient_accumulation_steps=steps,
    )
    history = model.fit(
        SENTENCES, TAGS, epochs=4, verbose=0, class_weight={"O": 0.5}
    ).history
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    assert 0 <= history["accuracy"][-1] <= 1
