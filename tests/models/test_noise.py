"""Noise in training: what a model predicts, saves and trains with it."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.backbones import KINDS, tiny, tokenizer
from tests.models.conftest import NAMES, SENTENCES, TAGS, TEXTS, inputs_of, sgd
from tfreg import load_model
from tfreg._checks import InputError
from tfreg.builders import build_classifier, build_regressor, build_tagger
from tfreg.heads import Bottleneck
from tfreg.models import TextClassifier
from tfreg.recipe import Recipe
from tfreg.regularizers import L2SP

NOISE = {
    "word_dropout": 0.5,
    "embedding_noise": 0.3,
    "mixout": 0.5,
    "dropconnect": 0.3,
    "weight_noise": 0.3,
    "multi_sample_dropout": 3,
}
RATES = {"dropout": 0.5, "backbone_dropout": 0.5, "attention_dropout": 0.5}
# Of the kinds of noise on kernels there is one at a time.
TOGETHER = {
    name: rate
    for name, rate in NOISE.items()
    if name not in ("dropconnect", "weight_noise")
}
SLOW = pytest.mark.slow


def build(task="classify", **fields):
    """Always the same model, without dropout in the backbone."""
    keras.utils.set_random_seed(3)
    precision = fields.get("precision", "float32")
    policy = precision if precision == "float32" else f"mixed_{precision}"
    fields = {
        "tokenizer": tokenizer(),
        "sequence_length": 32,
        "batch_size": 4,
        "learning_rate": 1e-3,
        **fields,
    }
    backbone = tiny(dtype=policy)
    if task == "tag":
        return build_tagger(backbone, ("O", "B-X", "I-X"), **fields)
    if task == "regress":
        return build_regressor(backbone, **fields)
    return build_classifier(backbone, ("neg", "pos"), **fields)


def trained(model):
    return {v.path: np.array(v) for v in model.trainable_variables}


def one_batch(model):
    from tfreg.models.feeding import whole_batch

    data = (SENTENCES, TAGS) if model.task == "tag" else (TEXTS, NAMES)
    return whole_batch(model, data)


def two_passes(model):
    x = one_batch(model)[0]
    return [np.asarray(model(x, training=True)) for _ in range(2)]


@pytest.mark.parametrize(
    "name, rate",
    [*NOISE.items(), *(pytest.param(*each, marks=SLOW) for each in RATES.items())],
)
def test_inference_is_untouched(name, rate):
    plain, noisy = build(), build(**{name: rate})
    if name in NOISE:  # rates have random states more, and so another start of the head
        for one, other in zip(plain.weights, noisy.weights):
            if one.path == other.path:
                np.testing.assert_array_equal(one, other)
    # Away from the start, where mixout would be nothing.
    for one, other in zip(plain.trainable_variables, noisy.trainable_variables):
        assert one.path == other.path
        one.assign(1.3 * one)
        other.assign(one)
    expected = plain.predict(TEXTS, verbose=0)
    np.testing.assert_array_equal(noisy.predict(TEXTS, verbose=0), expected)
    one, two = two_passes(noisy)
    assert np.abs(one - two).max() > 1e-4
    np.testing.assert_array_equal(noisy.predict(TEXTS, verbose=0), expected)
    scores = [m.evaluate(TEXTS, NAMES, verbose=0) for m in (plain, noisy)]
    assert scores[0] == scores[1]


def test_inference_of_a_tagger_is_untouched():
    plain, noisy = build("tag"), build("tag", **TOGETHER)
    for v, w in zip(plain.trainable_variables, noisy.trainable_variables):
        v.assign(1.3 * v)
        w.assign(1.3 * w)
    for one, other in zip(*(m.predict(SENTENCES, verbose=0) for m in (plain, noisy))):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "fields",
    [
        TOGETHER,
        pytest.param({"dropconnect": 0.3}, marks=SLOW),
        pytest.param(
            {"weight_noise": 0.3, "head": Bottleneck(8), "noisy_tune": 0.2}, marks=SLOW
        ),
    ],
)
def test_saved_and_loaded(fields, tmp_path):
    model = build("tag", backbone_regularizer=L2SP(0.1), **fields)
    model.fit(SENTENCES, TAGS, epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    model.save_to_preset(str(tmp_path / "preset"))
    for place in ("model.keras", "preset"):
        loaded = load_model(tmp_path / place)
        assert loaded.recipe == model.recipe
        assert loaded.architecture == model.architecture
        kept, ours = (
            {v.path: v for v in m.weights if "seed" not in v.path}
            for m in (loaded, model)
        )
        assert kept.keys() == ours.keys()
        for path, value in ours.items():
            np.testing.assert_array_equal(kept[path], value, err_msg=path)
        assert loaded.predict_labels(SENTENCES) == model.predict_labels(SENTENCES)
        one, two = two_passes(loaded)
        assert np.abs(one - two).max() > 1e-4
        if place == "model.keras":  # a preset has no optimiser
            loaded.fit(SENTENCES, TAGS, epochs=1, verbose=0)


@pytest.mark.parametrize("precision", ["bfloat16", pytest.param("float16", marks=SLOW)])
@pytest.mark.parametrize(
    "noise",
    [
        TOGETHER,
        pytest.param({"dropconnect": 0.3}, marks=SLOW),
        pytest.param({"weight_noise": 0.3}, marks=SLOW),
    ],
)
def test_mixed_precision(noise, precision):
    model = build(precision=precision, head=Bottleneck(8, 1e-3), **noise)
    before = trained(model)
    history = model.fit(TEXTS, NAMES, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    moved = [np.abs(w - before[path]).max() for path, w in trained(model).items()]
    assert np.isfinite(moved).all() and np.median(moved) > 1e-5
    assert np.isfinite(model.predict(TEXTS, verbose=0)).all()


@SLOW
@pytest.mark.parametrize(
    "fields",
    [
        {**TOGETHER, "head": Bottleneck(8, 1e-3)},
        {"dropconnect": 0.3},
        {"weight_noise": 0.3},
    ],
)
def test_xla(fields):
    model = build("tag", **fields)
    model.compile(optimizer=sgd(), jit_compile=True)
    x, y, _ = one_batch(model)
    losses = [float(model.train_on_batch(x, y)[0]) for _ in range(8)]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    assert len(set(losses)) == 8


# --- Mixout ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "albert"])
def test_the_first_step_of_mixout(kind, ids):
    """At its anchor a weight stays, whatever is mixed; its slope is M/(1−p) as large.

    DeBERTa reads some kernels twice, and ALBERT all of them, each time mixed anew.
    """
    x, y = ids
    models, losses = [], []
    for rate in (0.0, 0.25):
        keras.utils.set_random_seed(0)
        recipe = Recipe(dropout=0.0, mixout=rate)
        model = TextClassifier(tiny(kind), labels=("a", "b"), recipe=recipe)
        model.compile(optimizer=sgd(), run_eagerly=True)
        before = trained(model)
        losses.append(float(model.train_on_batch(inputs_of(model, x), y)[0]))
        models.append({p: w - before[p] for p, w in trained(model).items()})
    assert losses[0] == losses[1]
    plain, mixed = models
    left = []
    for path, step in plain.items():
        if not path.endswith("/kernel") or path == "logits/kernel":
            np.testing.assert_allclose(mixed[path], step, rtol=1e-3, atol=1e-7)
            continue
        if kind == "deberta" and path.split("/")[-2] in ("query", "key"):
            continue
        felt = np.abs(step) > 1e-6
        kept = np.abs(mixed[path]) > 1e-8
        expected = np.where(kept, step / 0.75, 0.0)
        np.testing.assert_allclose(
            mixed[path], expected, rtol=1e-2, atol=2e-7, err_msg=path
        )
        left.append(1 - kept[felt].mean() if felt.sum() > 200 else 0.25)
    assert len(left) >= 8 and np.abs(np.array(left) - 0.25).max() < 0.1
    assert np.mean(left) == pytest.approx(0.25, abs=0.02)


def test_frozen_blocks_have_no_noise_and_their_features_are_kept(tmp_path):
    models = []
    for cache in (False, tmp_path):
        model = build(freeze=1, mixout=0.5, multi_sample_dropout=2)
        model.compile(optimizer=sgd(), run_eagerly=True)
        for v in model.backbone.trainable_variables:
            v.assign(1.3 * v)
        model.fit(TEXTS, NAMES, epochs=2, verbose=0, feature_cache=cache)
        models.append(trained(model))
    assert len(list(tmp_path.iterdir())) == 1
    for path, value in models[0].items():
        np.testing.assert_allclose(models[1][path], value, atol=1e-6, err_msg=path)


# --- Word dropout ----------------------------------------------------------------


def test_the_pieces_are_the_tokenizer_s(tmp_path):
    model = build(word_dropout=0.5)
    layer = model.word_dropout
    assert (layer.replacement, layer.keep) == (4, (0, 2, 3))
    seen = []
    embed = type(model.backbone.token_embedding).call
    x, _, _ = one_batch(model)

    def call(self, ids, *args, **kwargs):
        seen.append(np.asarray(ids))
        return embed(self, ids, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(model.backbone.token_embedding), "call", call)
        model(x, training=False)
        model(x, training=True)
    ids = np.asarray(x["token_ids"])
    np.testing.assert_array_equal(seen[0], ids)
    hidden = seen[1] != ids
    assert (seen[1][hidden] == 4).all() and not hidden[np.isin(ids, (0, 2, 3))].any()
    assert hidden[~np.isin(ids, (0, 2, 3))].mean() == pytest.approx(0.5, abs=0.2)


def test_a_model_that_takes_ids_hides_nothing():
    backbone = tiny()
    with pytest.raises(InputError, match="^`word_dropout` needs a tokenizer"):
        TextClassifier(backbone, labels=("a", "b"), recipe=Recipe(word_dropout=0.1))
    TextClassifier(backbone, labels=("a", "b"))  # it is still free


# --- NoisyTune -------------------------------------------------------------------


def test_noisy_tune_acts_once_and_after_the_anchors(tmp_path):
    fields = {"backbone_regularizer": L2SP(0.1), "mixout": 0.9}
    plain, noisy = build(**fields), build(noisy_tune=0.2, **fields)
    same = build(noisy_tune=0.2, **fields)
    for path, w in trained(plain).items():
        moved = np.abs(trained(noisy)[path] - w)
        np.testing.assert_array_equal(trained(noisy)[path], trained(same)[path])
        if path.startswith("logits"):
            assert not moved.any()
        else:
            assert moved.max() <= 0.1001 * w.std()
            assert not w.std() or moved.mean() > 0.04 * w.std()
    for one, other in zip(plain.anchors.weights, noisy.anchors.weights):
        np.testing.assert_array_equal(one, other)
    noisy.optimizer.build(noisy.trainable_variables)
    noisy.save(tmp_path / "model.keras")
    loaded = trained(load_model(tmp_path / "model.keras"))
    for path, w in trained(noisy).items():
        np.testing.assert_array_equal(loaded[path], w)
