"""The bottleneck head in a model: its loss, its schedule, what it predicts."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.backbones import tiny, tokenizer
from tests.models.conftest import NAMES, SENTENCES, TAGS, inputs_of, sgd
from tfreg.builders import build_classifier, build_tagger
from tfreg.heads import Bottleneck
from tfreg.layers import variational_bottleneck
from tfreg.models import TextClassifier, TextRegressor, TokenTagger
from tfreg.objectives import FGM
from tfreg.recipe import Recipe
from tfreg.regularizers import L2

BETA = 0.3
PLACES = np.array([[1, 2], [1, 0], [3, 0], [1, 4]], "int32")
TARGETS = {
    "classify": np.array([0, 1, 1, 0]),
    "regress": np.array([0.5, -1.0, 2.0, 0.0], "float32"),
    "tag": np.array([[0, 1], [2, -1], [0, -1], [1, 2]]),
}


def model_of(task, **fields):
    keras.utils.set_random_seed(1)
    fields = {"dropout": 0.0, "head": Bottleneck(6, BETA), **fields}
    if task == "tag":
        model = TokenTagger(tiny(), labels=("O", "B", "I"), recipe=Recipe(**fields))
    elif task == "regress":
        model = TextRegressor(tiny(), recipe=Recipe(**fields))
    else:
        model = TextClassifier(tiny(), labels=("a", "b"), recipe=Recipe(**fields))
    model.compile(optimizer=sgd(), run_eagerly=True)
    return model


def batch(model, ids, task):
    x = {**inputs_of(model, ids[0]), "word_positions": PLACES}
    y = keras.ops.convert_to_tensor(TARGETS[task])
    return {name: x[name] for name in model.input}, y


def divergence(model, x):
    """KL of each position, from the layer's own weights, in NumPy."""
    features = keras.Model(model.input, model.head_dropout.input)(x)
    w = {v.path.split("/", 1)[1]: np.array(v) for v in model.bottleneck.weights}

    def dense(x, name):
        return x @ w[f"{name}/kernel"] + w[f"{name}/bias"]

    hidden = np.maximum(dense(np.asarray(features, "float64"), "outer"), 0)
    hidden = np.maximum(dense(hidden, "inner"), 0)
    mean, s2 = dense(hidden, "mean"), np.log1p(np.exp(dense(hidden, "deviation"))) ** 2
    return (mean**2 + s2 - np.log(s2) - 1).sum(-1) / 2


@pytest.mark.parametrize("task", TARGETS)
def test_the_training_loss_has_the_divergence_once(task, ids):
    model = model_of(task, kernel_regularizer=L2(0.1))
    x, y = batch(model, ids, task)
    each = divergence(model, x)
    real = TARGETS["tag"] >= 0 if task == "tag" else np.ones(4, bool)
    model.bottleneck.share.assign(0.5)
    z = model(x, training=True)
    found = float(model.compute_loss(x, y, z, training=True))
    data = float(model.loss(y, z))
    kernels = [v for v in model.weights if v.regularizer is not None]
    assert len(kernels) == 5
    penalty = 0.1 * sum(np.square(np.array(v)).sum() for v in kernels)
    expected = data + penalty + 0.5 * BETA * each[real].mean()
    assert found == pytest.approx(expected, rel=1e-5)
    assert float(model.compute_loss(x, y, z, training=False)) == pytest.approx(data)


def test_with_several_dropout_samples(ids):
    """At a dropout that drops next to nothing all samples are the same text's."""
    model = model_of("tag", dropout=1e-9, multi_sample_dropout=3)
    x, y = batch(model, ids, "tag")
    each = divergence(model, x)[TARGETS["tag"] >= 0].mean()
    z = model(x, training=True)
    assert z.shape == (3, 4, 2, 3) and np.ptp(z.numpy(), axis=0).max() > 1e-5
    data = np.mean([float(model.loss(y, part)) for part in z])
    found = float(model.compute_loss(x, y, z, training=True))
    assert found == pytest.approx(data + BETA * each, rel=1e-5)


def test_words_weigh_alike_in_its_divergence_too(ids, monkeypatch):
    """Of rows of 2, 1, 1 and 2 words, each a batch, as of one batch of all."""
    monkeypatch.setattr(
        variational_bottleneck, "normal", lambda mean, seed: keras.ops.zeros_like(mean)
    )
    model = model_of("tag")
    model.words_a_row = 6 / 4
    x, y = batch(model, ids, "tag")

    def loss(rows):
        part, of_part = {name: x[name][rows] for name in x}, y[rows]
        return float(model.compute_loss(part, of_part, model(part, training=True)))

    each = [loss(slice(row, row + 1)) for row in range(4)]
    assert np.mean(each) == pytest.approx(loss(slice(None)), rel=1e-5)
    assert loss(slice(0)) == 0  # a part of a batch in fewer parts than that


def test_the_divergence_is_that_of_the_first_pass(ids, monkeypatch):
    """FGM's other pass, from embeddings moved far, has another."""
    monkeypatch.setattr(
        variational_bottleneck, "normal", lambda mean, seed: keras.ops.zeros_like(mean)
    )
    found = []
    for beta in (BETA, 0.0):
        model = model_of("classify", head=Bottleneck(6, beta), objective=FGM(1.0, 30.0))
        x, y = batch(model, ids, "classify")
        z = model(x, training=True)
        found.append(float(model.compute_loss(x, y, z, training=True)))
    expected = BETA * divergence(model, x).mean()
    assert found[0] - found[1] == pytest.approx(expected, rel=1e-3)


def test_inference_is_of_the_mean(ids):
    model = model_of("classify")
    x, y = batch(model, ids, "classify")
    features = keras.Model(model.input, model.head_dropout.input)(x)
    expected = model.logits(model.bottleneck(features))
    np.testing.assert_allclose(model(x), expected, rtol=1e-3, atol=1e-8)
    one, two = (np.asarray(model(x, training=True)) for _ in range(2))
    assert np.abs(one - two).max() > 1e-4
    loss = model.evaluate(x, TARGETS["classify"], verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(float(model.loss(y, expected)), rel=1e-5)


def test_a_strength_of_zero_has_no_divergence(ids):
    model = model_of("classify", head=Bottleneck(6, 0.0))
    x, y = batch(model, ids, "classify")
    z = model(x, training=True)
    found = float(model.compute_loss(x, y, z, training=True))
    assert found == pytest.approx(float(model.loss(y, z)), rel=1e-6)


def test_the_divergence_pulls_to_the_prior(ids):
    model = model_of("classify", head=Bottleneck(6, 1.0))
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    x, _ = batch(model, ids, "classify")
    before = divergence(model, x).mean()
    for _ in range(60):
        model.train_on_batch(x, TARGETS["classify"])
    assert divergence(model, x).mean() < 0.3 * before


class Shares(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(float(self.model.bottleneck.share))


@pytest.mark.parametrize("steps", [1, 2])
def test_it_is_annealed_over_a_fit(steps, monkeypatch):
    calls = []
    original = TextClassifier.compute_loss

    def compute_loss(self, *args, **kwargs):
        calls.append(1)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(TextClassifier, "compute_loss", compute_loss)
    model = build_classifier(
        tiny(),
        ("neg", "pos"),
        tokenizer=tokenizer(),
        sequence_length=32,
        batch_size=4,
        gradient_accumulation_steps=steps,
        head=Bottleneck(6, BETA),
    )
    shares, texts = Shares(), ["good bad"] * 16
    model.fit(texts, NAMES, epochs=1, verbose=0)
    traced = len(calls)
    model.fit(texts, NAMES, epochs=3, verbose=0, callbacks=[shares])
    count = 12 // steps
    np.testing.assert_allclose(shares.seen, np.arange(1, count + 1) / count, rtol=1e-6)
    assert len(calls) == traced  # nothing was traced again


def test_a_frozen_encoder_s_features_are_kept(tmp_path):
    models = []
    for cache in (False, tmp_path):
        keras.utils.set_random_seed(4)
        model = build_tagger(
            tiny(),
            ("O", "B-X", "I-X"),
            tokenizer=tokenizer(),
            sequence_length=32,
            batch_size=4,
            freeze="backbone",
            head=Bottleneck(6, BETA),
        )
        model.compile(optimizer=sgd(), run_eagerly=True)
        model.fit(SENTENCES, TAGS, epochs=2, verbose=0, feature_cache=cache)
        models.append(model)
    assert len(list(tmp_path.iterdir())) == 1
    for one, other in zip(*(m.trainable_variables for m in models)):
        np.testing.assert_allclose(one, other, atol=1e-6, err_msg=one.path)
