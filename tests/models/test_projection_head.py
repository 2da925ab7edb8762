"""Models that learn a projection of the encoder's features."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import pytest
from scipy.special import softmax

import tfreg
from tests.backbones import KINDS, tiny, tokenizer
from tests.models.conftest import NAMES, SENTENCES, TAGS, TEXTS, inputs_of, sgd
from tfreg._checks import DataWarning, InputError
from tfreg.builders import build_classifier, build_regressor, build_tagger
from tfreg.callbacks import StrengthSchedule
from tfreg.heads import Projection
from tfreg.heads.projection import POOLINGS
from tfreg.inspect import penalty_report
from tfreg.models import TextClassifier
from tfreg.recipe import Recipe
from tfreg.regularizers import L2, ProximalL1


def classifier(head="projection", kind="bert", dtype="float32", **fields):
    keras.utils.set_random_seed(1)
    fields = {"sequence_length": 32, "dropout": 0.0, "batch_size": 8, **fields}
    model = build_classifier(
        tiny(kind, dtype=dtype), ("neg", "pos"), tokenizer=tokenizer(), head=head,
        **fields,
    )  # fmt: skip
    random = np.random.default_rng(2)
    for layer in (model.layer_mix, model.pooling):
        for weight in layer.weights if layer is not None else ():
            weight.assign(random.normal(1, 1, weight.shape))
    return model


def block_states(model, batch):
    """What each block of the encoder says, by KerasHub's and Keras's own parts."""
    blocks = [block.output for block in model.backbone.transformer_layers]
    found = keras.Model(model.backbone.input, blocks)(batch)
    return [np.float64(states) for states in found]


def by_hand(model, batch, pooling):
    """Logits from the blocks' outputs, in NumPy."""
    states = block_states(model, batch)
    mixed = states[-1]
    if model.layer_mix is not None:
        scores, scale = map(np.float64, model.layer_mix.weights)
        mixed = scale * np.tensordot(softmax(scores), states, 1)
    rows = []
    for row, mask in zip(mixed, batch["padding_mask"] > 0):
        row = row[mask]
        if pooling == "attention":
            query = np.float64(model.pooling.query)
            rows.append(softmax(row @ query / len(query) ** 0.5) @ row)
        else:
            rows.append(
                {"cls": row[0], "mean": row.mean(0), "max": row.max(0)}[pooling]
            )
    w, b = map(np.float64, model.projection.weights)
    v, c = map(np.float64, model.logits.weights)
    return np.tanh(np.array(rows) @ w + b) @ v + c


@pytest.mark.parametrize("mix", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_against_numpy(pooling, mix, ids):
    head = Projection(5, layer_mix=mix, pooling=pooling)
    model = classifier(head, kernel_regularizer=L2(0.1))
    batch, _ = ids
    np.testing.assert_allclose(model(batch), by_hand(model, batch, pooling), atol=1e-5)
    trained = {v.path for v in model.trainable_variables}
    assert {"projection/kernel", "projection/bias", "logits/kernel"} <= trained
    assert ("pooling/query" in trained) == (pooling == "attention")
    assert ("layer_mix/scores" in trained) == mix
    assert not any("pooled_dense" in path for path in trained)  # nothing reads it
    assert len(model.losses) == 2  # on both kernels of the head


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "albert"])
def test_every_backbone_and_every_weight_of_the_head_learns(kind, ids):
    x, y = ids
    head = Projection(5, layer_mix=True, pooling="attention")
    model = classifier(head, kind)
    model.preprocessor = None
    model.compile(optimizer=sgd(), run_eagerly=True)
    names = ("layer_mix", "pooling", "projection", "logits")
    before = {
        v.path: np.array(v) for v in model.weights if v.path.split("/")[0] in names
    }
    model.train_on_batch(inputs_of(model, x), y)
    after = {v.path: np.array(v) for v in model.weights}
    assert len(before) == 7
    for path, value in before.items():
        assert np.abs(after[path] - value).max() > 0, path


def test_blocks_that_are_shared_cannot_be_mixed():
    backbone = tiny("albert")
    recipe = Recipe(head=Projection(layer_mix=True))
    with pytest.raises(InputError, match="`layer_mix`: AlbertBackbone has no blocks"):
        TextClassifier(backbone, labels=("a", "b"), recipe=recipe)
    TextClassifier(backbone, labels=("a", "b"), recipe=Recipe(head="projection"))


def test_orthogonality_is_a_penalty_on_the_kernel(ids):
    x, y = ids
    strength, rate = 0.2, 0.1
    runs = []
    for orthogonality in (0.0, strength):
        model = classifier(Projection(5, orthogonality=orthogonality))
        model.compile(optimizer=sgd(), run_eagerly=True)
        start = np.array(model.projection.kernel)
        model.train_on_batch(x, y)
        runs.append(np.array(model.projection.kernel))
    gram = start.T @ start - np.eye(5)
    pull = strength * 4 * start @ gram  # the gradient of ‖WᵀW − I‖²
    np.testing.assert_allclose(runs[1], runs[0] - rate * pull, atol=1e-6)
    (row,) = penalty_report(model)
    assert (row.path, row.strength) == ("projection/kernel", {"alpha": 0.2})
    end = runs[1].T @ runs[1] - np.eye(5)
    assert row.value == pytest.approx(strength * (end**2).sum(), rel=1e-5)


def test_orthogonality_beside_a_proximal_penalty(ids):
    x, y = ids
    model = classifier(
        Projection(5, orthogonality=0.2), kernel_regularizer=ProximalL1(50.0)
    )
    model.train_on_batch(x, y)
    for layer in (model.projection, model.logits):
        assert np.any(np.array(layer.kernel) == 0)


def test_orthogonality_beside_strengths_that_change(tmp_path):
    head = Projection(5, orthogonality=0.2)
    model = classifier(head, kernel_regularizer=L2(0.5))

    def expected(scale):
        kernel, last = (np.array(w.kernel) for w in (model.projection, model.logits))
        own = 0.2 * ((kernel.T @ kernel - np.eye(5)) ** 2).sum()
        return own + scale * 0.5 * ((kernel**2).sum() + (last**2).sum())

    assert sum(map(float, model.losses)) == pytest.approx(expected(1.0), rel=1e-5)
    schedule = StrengthSchedule(warmup=1.0)
    model.fit(TEXTS, NAMES, epochs=1, callbacks=[schedule], verbose=0)
    assert sum(map(float, model.losses)) == pytest.approx(expected(1.0), rel=1e-5)
    model.save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    assert sum(map(float, model.losses)) == pytest.approx(expected(1.0), rel=1e-5)


def test_taggers_read_words():
    def tagger(head):
        return build_tagger(
            tiny(), ("O", "B-X", "I-X"), tokenizer=tokenizer(), sequence_length=16,
            head=head,
        )  # fmt: skip

    model = tagger(Projection(5, layer_mix=True))
    assert [len(row) for row in model.predict_labels(SENTENCES)] == list(
        map(len, SENTENCES)
    )
    assert model.projection.kernel.shape == (32, 5)
    message = "`head`: a tagger reads words one by one, `pooling='cls'` has nothing"
    with pytest.raises(InputError, match=message):
        tagger(Projection(pooling="cls"))


def test_a_regressor():
    model = build_regressor(tiny(), sequence_length=32, head="projection")
    x = {name: np.ones((2, 4), "int32") for name in model.input}
    assert model(x).shape == (2, 1)
    assert model.projection.units == 256


@pytest.mark.parametrize("preset", [False, True])
def test_saved_and_loaded(preset, tmp_path):
    head = Projection(5, "gelu", 0.5, True, "attention")
    model = classifier(head, kernel_regularizer=L2(0.1))
    if preset:
        model.save_to_preset(str(tmp_path / "model"))
    else:
        model.save(tmp_path / "model.keras")
    loaded = tfreg.load_model(tmp_path / ("model" if preset else "model.keras"))
    assert loaded.recipe == model.recipe
    ours, theirs = ({v.path: v for v in m.weights} for m in (model, loaded))
    assert ours.keys() == theirs.keys()
    for path in ours:
        if "seed" not in path:
            np.testing.assert_array_equal(ours[path], theirs[path], err_msg=path)
    np.testing.assert_array_equal(
        model.predict(TEXTS, verbose=0), loaded.predict(TEXTS, verbose=0)
    )
    np.testing.assert_allclose(sorted(map(float, loaded.losses)),
                               sorted(map(float, model.losses)), rtol=1e-6)  # fmt: skip


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision(precision, ids):
    x, y = ids
    head = Projection(5, orthogonality=0.1, layer_mix=True, pooling="attention")
    model = classifier(head, dtype=f"mixed_{precision}", precision=precision)
    assert model(x).dtype == "float32"
    model.compile(run_eagerly=True)
    assert np.isfinite(model.train_on_batch(x, y)).all()
    assert {v.dtype for v in model.trainable_variables} == {"float32"}


@pytest.mark.slow
def test_xla_trains_the_same(ids):
    x, y = ids
    runs = []
    for jit in (False, True):
        model = classifier(Projection(5, layer_mix=True, pooling="max"))
        model.compile(optimizer=sgd(), jit_compile=jit)
        model.train_on_batch(x, y)
        runs.append({v.path: np.array(v) for v in model.trainable_variables})
    for path, value in runs[0].items():
        np.testing.assert_allclose(runs[1][path], value, atol=1e-6, err_msg=path)


@pytest.mark.parametrize("pooling", ["cls", "max", "attention"])
def test_features_of_a_frozen_encoder_are_kept(pooling, tmp_path):
    """What no weight of the head comes before: pooled vectors, or those of pieces."""
    runs = []
    for cache in (False, tmp_path):
        model = classifier(Projection(5, pooling=pooling), freeze="backbone")
        model.compile(optimizer=sgd(), run_eagerly=True)
        model.fit(TEXTS, NAMES, epochs=2, verbose=0, feature_cache=cache)
        runs.append(model)
    assert len(list(tmp_path.iterdir())) == 1
    for one, two in zip(*(run.weights for run in runs)):
        np.testing.assert_allclose(one, two, atol=1e-6, err_msg=one.path)
    if pooling == "cls":
        head = Projection(3, pooling="cls", activation="relu")
        other = classifier(head, freeze="backbone")
        other.compile(optimizer=sgd(), run_eagerly=True)
        other.fit(TEXTS, NAMES, epochs=1, verbose=0, feature_cache=tmp_path)
        assert len(list(tmp_path.iterdir())) == 1  # the same features


def test_other_poolings_have_other_features(tmp_path):
    for pooling in ("cls", "mean"):
        model = classifier(Projection(5, pooling=pooling), freeze="backbone")
        model.compile(metrics=[], run_eagerly=True)
        model.evaluate(TEXTS, NAMES, verbose=0, feature_cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_mix_of_blocks_is_not_kept(tmp_path):
    model = build_tagger(
        tiny(), ("O", "B-X", "I-X"), tokenizer=tokenizer(), sequence_length=16,
        head=Projection(5, layer_mix=True), freeze="backbone",
    )  # fmt: skip
    model.compile(optimizer=sgd(), run_eagerly=True)
    with pytest.warns(DataWarning, match="the head mixes the outputs of all blocks"):
        model.fit(SENTENCES, TAGS, epochs=1, verbose=0, feature_cache=tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        model.fit(SENTENCES, TAGS, epochs=1, verbose=0, feature_cache=False)
    assert list(tmp_path.iterdir()) == []
