"""A fit on stored features is the fit without them, and skips what is frozen."""

from __future__ import annotations

import functools
import warnings

import keras
import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf

from tests.backbones import KINDS, tiny, tokenizer
from tests.models.conftest import NAMES, SENTENCES, TAGS, TEXTS, sgd
from tfreg import Examples, FeatureCache, layers, load_model
from tfreg._checks import DataWarning, InputError
from tfreg.builders import build_classifier, build_regressor, build_tagger
from tfreg.models import TextClassifier, reusing
from tfreg.regularizers import L2SP

NUMBERS = [float(name == "pos") for name in NAMES]
MANY = [["a", "b"], [], ["a"], ["b"]] * 4
LIKE_BERT = ("distilbert", "electra")
DATA = {
    "classify": (TEXTS, NAMES),
    "multilabel": (TEXTS, MANY),
    "regress": ((TEXTS, TEXTS[::-1]), NUMBERS),
    "tag": (SENTENCES, TAGS),
}


@pytest.fixture(autouse=True)
def _no_word_is_said():
    """Wherever features cannot be kept a warning says so; tests expect it or fail."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        yield


def build(task="classify", kind="bert", freeze="backbone", seed=3, **fields):
    """A model with dropout everywhere that it can be, the same for the same seed."""
    keras.utils.set_random_seed(seed)
    mixed = "mixed_" if fields.get("precision") else ""
    dtype = mixed + fields.get("precision", "float32")
    backbone = tiny(kind, dropout=0.2, dtype=dtype)
    fields = {
        "tokenizer": tokenizer(),
        "sequence_length": 32,
        "batch_size": 4,
        "dropout": 0.2,
        "freeze": freeze,
        "learning_rate": 1e-2,
        **fields,
    }
    if task == "regress":
        return build_regressor(backbone, **fields)
    if task == "tag":
        return build_tagger(backbone, ("O", "B-X", "I-X"), **fields)
    many = task == "multilabel"
    labels = ("a", "b") if many else ("neg", "pos")
    return build_classifier(backbone, labels, multi_label=many, **fields)


def trained(model):
    return {v.path: keras.ops.convert_to_numpy(v.value) for v in model.weights}


def assert_same(one, other, atol=1e-6):
    one, other = trained(one), trained(other)
    assert set(one) == set(other)
    for path in one:
        np.testing.assert_allclose(one[path], other[path], atol=atol, err_msg=path)


@pytest.fixture
def blocks_run(monkeypatch):
    """The names of the blocks that are called, or traced, from here on."""
    names = []
    block = layers.TransformerEncoder
    original = block.call

    @functools.wraps(original)  # Keras reads the names of its arguments
    def call(self, *args, **kwargs):
        names.append(self.name)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(block, "call", call)
    return names


@pytest.mark.parametrize("freeze", ["backbone", 1])
@pytest.mark.parametrize("task", list(DATA))
def test_the_same_fit(task, freeze, tmp_path):
    models = []
    for cache in (False, tmp_path):
        model = build(task, freeze=freeze)
        model.compile(optimizer=sgd(), run_eagerly=True)
        before = trained(model)
        model.fit(*DATA[task], epochs=2, verbose=0, feature_cache=cache)
        moved = [np.abs(before[p] - w).max() for p, w in trained(model).items()]
        assert max(moved) > 1e-3
        models.append(model)
    assert len(list(tmp_path.iterdir())) == 1
    assert_same(*models)


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_the_upper_half_is_told_what_is_padding(kind):
    """By the mask: RoBERTa's padding has an id, and its first real piece is 0."""
    model = build(kind=kind, freeze=1)
    mask = np.array([[1] * 8, [1] * 5 + [0] * 3], "int32")
    ids = np.random.default_rng(0).integers(5, 40, (2, 8)).astype("int32")
    ids[:, 0], ids[mask == 0] = 0, 1
    x = {"token_ids": ids, "padding_mask": mask, "segment_ids": mask * 0}
    x = {name: tf.constant(x[name]) for name in model.backbone.input}
    halves = reusing._halves(model)
    parts = halves.upper({**x, reusing.FEATURES: halves.lower(x)})
    np.testing.assert_allclose(parts, model(x), atol=1e-6)


@pytest.mark.parametrize(
    "kind, freeze",
    [
        *(
            pytest.param(kind, 1, marks=pytest.mark.slow if kind in LIKE_BERT else ())
            for kind in KINDS
            if kind not in ("bert", "albert")
        ),
        ("albert", "backbone"),  # its blocks are shared
        ("roberta", "backbone"),  # it has no pooler
    ],
)
def test_every_kind_of_backbone(kind, freeze, tmp_path):
    models = []
    for cache in (False, tmp_path):
        model = build(kind=kind, freeze=freeze)
        model.compile(optimizer=sgd(), run_eagerly=True)
        model.fit(*DATA["classify"], epochs=1, verbose=0, feature_cache=cache)
        models.append(model)
    assert len(list(tmp_path.iterdir())) == 1
    assert_same(*models)


def test_everything_a_fit_has_is_the_same(tmp_path, blocks_run):
    """Graphs, AdamW, penalties, weights of classes and texts, scores, best epoch."""
    models, histories, scores = [], [], []
    for cache in (False, tmp_path, tmp_path):
        model = build(
            freeze=1,
            backbone_regularizer=L2SP(0.1),
            kernel_regularizer=keras.regularizers.L2(0.1),
            patience=2,
        )
        del blocks_run[:]
        fitted = model.fit(
            *DATA["classify"],
            epochs=3,
            validation_data=(TEXTS[:7], NAMES[:7]),
            class_weight={"pos": 2.0},
            sample_weight=np.linspace(0.5, 1.5, len(TEXTS)),
            verbose=0,
            feature_cache=cache,
        )
        models.append(model)
        histories.append(fitted.history)
        test = model.evaluate(
            *DATA["classify"], verbose=0, return_dict=True, feature_cache=cache
        )
        scores.append(test)
        if len(models) == 3:  # all that was needed was on disk
            assert set(blocks_run) == {"transformer_layer_1"}
    for number in (1, 2):
        assert_same(models[0], models[number], atol=1e-5)
        for name, values in histories[0].items():
            assert histories[number][name] == pytest.approx(values, abs=1e-5)
        assert scores[number] == pytest.approx(scores[0], abs=1e-5)
    assert (
        len(list(tmp_path.iterdir())) == 2
    )  # train, which `evaluate` had too, and dev


def test_a_fit_that_goes_on_is_the_same(tmp_path):
    models = []
    for cache in (False, tmp_path):
        model = build(freeze=1)
        for first, last in ((0, 1), (1, 3)):
            model.fit(
                *DATA["classify"],
                initial_epoch=first,
                epochs=last,
                verbose=0,
                feature_cache=cache,
            )
        models.append(model)
    assert_same(*models, atol=1e-5)


def test_a_frozen_encoder_is_run_once_for_all_epochs(tmp_path, monkeypatch):
    rows = []
    original = reusing.predict_batches

    def count(*args):
        for numbers, found in original(*args):
            rows.extend(numbers.tolist())
            yield numbers, found

    monkeypatch.setattr(reusing, "predict_batches", count)
    model = build()
    fit = dict(epochs=3, verbose=0, feature_cache=tmp_path)
    model.fit(TEXTS, NAMES, validation_data=(TEXTS[:7], NAMES[:7]), **fit)
    assert sorted(rows[:16]) == list(range(16)) and sorted(rows[16:]) == list(range(7))
    model.fit(TEXTS, NAMES, **fit)
    model.evaluate(TEXTS[:7], NAMES[:7], verbose=0, feature_cache=tmp_path)
    assert len(rows) == 23


def test_another_model_with_the_same_encoder_runs_none_of_it(tmp_path, blocks_run):
    first = build()
    first.fit(TEXTS, NAMES, epochs=1, verbose=0, feature_cache=tmp_path)
    del blocks_run[:]
    # Other targets, head, dropout and rates: what is frozen is the same.
    other = build("multilabel", dropout=0.5, learning_rate=1e-3, batch_size=8)
    other.fit(TEXTS, MANY, epochs=2, verbose=0, feature_cache=tmp_path)
    assert not blocks_run[len(other.backbone.transformer_layers) :]
    assert len(list(tmp_path.iterdir())) == 1


def test_what_features_depend_on(tmp_path):
    def stored(texts=TEXTS, **fields):
        model = build(**fields)
        model.compile(metrics=[], run_eagerly=True)
        names = NAMES[: len(texts)]
        model.evaluate(texts, names, verbose=0, feature_cache=tmp_path)
        return len(list(tmp_path.iterdir()))

    assert stored() == 1
    assert stored() == 1
    assert stored(TEXTS[:-1]) == 2
    assert stored(TEXTS[::-1]) == 3
    assert stored(seed=4) == 4  # other weights
    assert stored(freeze=1) == 5
    assert stored(freeze=1, backbone_dropout=0.4) == 5  # above the boundary
    assert stored(freeze=2) == 6
    assert stored(precision="bfloat16") == 7
    with pytest.warns(DataWarning, match="4 of 16 texts cut"):
        assert stored(sequence_length=8) == 8


def test_weights_and_architecture_changed_by_hand(tmp_path):
    model = build()
    model.compile(run_eagerly=True)

    def stored():
        model.evaluate(TEXTS, NAMES, verbose=0, feature_cache=tmp_path)
        return len(list(tmp_path.iterdir()))

    assert (stored(), stored()) == (1, 1)
    norm = model.backbone.get_layer("embeddings_layer_norm")
    norm.gamma.assign(norm.gamma * 1.5)
    assert stored() == 2
    for block in model.backbone.transformer_layers:
        block.activation = keras.activations.relu
        block._feedforward_intermediate_dense.activation = keras.activations.relu
    assert stored() == 3


def test_bfloat16_features_are_what_the_encoder_says(tmp_path):
    """One batch, whose shape is the store's, where rounding depends on shapes."""
    texts, models = ["good bad", "bad good", "the movie"] * 2, []
    for cache in (False, tmp_path):
        model = build(precision="bfloat16", freeze=1, batch_size=6)
        model.compile(optimizer=sgd(), run_eagerly=True)
        model.fit(texts, NAMES[:6], epochs=2, verbose=0, feature_cache=cache)
        models.append(model)
    assert_same(*models, atol=1e-4)
    (entry,) = tmp_path.iterdir()
    stored = np.frombuffer(entry.read_bytes()[:-4], ml_dtypes.bfloat16)
    hidden = keras.Model(
        model.backbone.input, model.backbone.transformer_layers[0].output
    )
    ids = model.encode(Examples("text", tuple(texts))).pieces  # all of one length
    x = {"token_ids": np.stack(ids), "padding_mask": np.ones((6, 4), "int32")}
    x["segment_ids"] = np.zeros((6, 4), "int32")
    np.testing.assert_allclose(
        stored.astype("float32").reshape(6, 4, 32),
        np.asarray(hidden(x)).astype("float32"),
        rtol=0,
        atol=2**-6,  # eager or in a graph, padded or not
    )


def test_a_damaged_store_is_filled_anew(tmp_path):
    models = []
    for damage in (False, True):
        model = build()
        model.compile(optimizer=sgd(), run_eagerly=True)
        if damage:
            (entry,) = tmp_path.iterdir()
            content = bytearray(entry.read_bytes())
            content[100] ^= 255
            entry.write_bytes(content)
        model.fit(TEXTS, NAMES, epochs=1, verbose=0, feature_cache=tmp_path)
        models.append(model)
    assert_same(*models)
    (entry,) = tmp_path.iterdir()
    assert entry.read_bytes() != bytes(content)


def test_the_default_folder_is_used_where_blocks_are_frozen(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    for freeze, count in ((None, 0), ("embeddings", 0), (2, 1)):
        model = build(freeze=freeze)
        model.compile(optimizer=sgd(), run_eagerly=True)
        model.fit(TEXTS, NAMES, epochs=1, verbose=0)
        assert len(list(tmp_path.rglob("*.features"))) == count


def test_a_fitted_model_is_saved_and_predicts_as_ever(tmp_path):
    model = build("tag", freeze=1)
    fit = dict(epochs=1, verbose=0, feature_cache=tmp_path / "features")
    model.fit(SENTENCES, TAGS, **fit)
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    said = [one.predict(SENTENCES, verbose=0) for one in (model, loaded)]
    for one, two in zip(*said):
        np.testing.assert_allclose(one, two, atol=1e-6)
    loaded.fit(SENTENCES, TAGS, **fit)
    assert len(list((tmp_path / "features").iterdir())) == 1


@pytest.mark.parametrize("freeze", ["backbone", 1])
@pytest.mark.parametrize("task", list(DATA))
def test_what_is_predicted_is_the_same(task, freeze, tmp_path):
    model = build(task, freeze=freeze)
    texts = DATA[task][0]
    said = [
        model.predict(texts, verbose=0, feature_cache=cache)
        for cache in (False, tmp_path, tmp_path)
    ]
    assert len(list(tmp_path.iterdir())) == 1
    for again in said[1:]:
        for one, two in zip(said[0], again, strict=True):
            np.testing.assert_allclose(one, two, atol=1e-6)


def test_what_is_predicted_runs_nothing_that_is_kept(tmp_path, blocks_run):
    model = build()
    model.fit(TEXTS, NAMES, epochs=1, verbose=0, feature_cache=tmp_path)
    blocks_run.clear()
    model.predict(TEXTS, verbose=0, feature_cache=tmp_path)
    assert not blocks_run
    model.predict(TEXTS, verbose=0)
    assert blocks_run and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("head", [None, "crf"])
def test_a_data_set_to_predict_is_not_kept(head, tmp_path):
    model = build("tag", head=head)
    words = tf.data.Dataset.from_tensors(tf.ragged.constant(SENTENCES))
    with pytest.warns(DataWarning, match="not of ids or data sets"):
        model.predict(words, verbose=0, feature_cache=tmp_path)


# --- Where features cannot be kept -----------------------------------------------


def warned(model, *data, cache, **fit):
    """What is said, of a fit that is done all the same."""
    with pytest.warns(DataWarning) as said:
        model.compile(optimizer=sgd(), run_eagerly=True)
        fitted = model.fit(*data, epochs=1, verbose=0, feature_cache=cache, **fit)
    assert np.isfinite(fitted.history["loss"][0])
    ours = [w for w in said if issubclass(w.category, DataWarning)]
    (message,) = [str(warning.message) for warning in ours]
    start = "features are not kept: "
    assert message.startswith(start)
    return message.removeprefix(start)


def test_too_large(tmp_path):
    cache = FeatureCache(tmp_path, max_bytes=5000)
    model = build(freeze=1)
    message = warned(model, TEXTS, NAMES, cache=cache)
    size = sum(map(len, model.encode(Examples("text", tuple(TEXTS))).pieces)) * 32 * 4
    assert message == (
        f"those of 16 rows take {size / 1e9:.2g} GB; {tmp_path} holds 5e-06 GB"
    )
    assert list(tmp_path.iterdir()) == []
    # Train alone fits, with dev it is too much: that would drive it out again.
    dev = TEXTS[1:6], NAMES[1:6]
    message = warned(model, TEXTS[:5], NAMES[:5], cache=cache, validation_data=dev)
    assert message.startswith("those of 5 rows") and message.endswith("by this fit")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    message = warned(build(), TEXTS, NAMES, cache=tmp_path / "file" / "folder")
    assert "Not a directory" in message


def test_a_full_disk(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FeatureCache, "write", full)
    assert "No space left" in warned(build(), TEXTS, NAMES, cache=tmp_path)


def test_what_is_not_frozen_after_all(tmp_path):
    model = build(freeze=1)
    model.backbone.get_layer("embeddings_layer_norm").trainable = True
    message = warned(model, TEXTS, NAMES, cache=None)
    assert message == (
        "'embeddings_layer_norm/gamma' trains, below the frozen boundary"
    )
    model = build()
    model.backbone.get_layer("embeddings_dropout").rate = 0.3
    message = warned(model, TEXTS, NAMES, cache=None)
    assert message == "dropout of 0.3 below the frozen boundary"


def test_an_activation_without_a_name(tmp_path):
    model = build()
    for block in model.backbone.transformer_layers:
        block._feedforward_intermediate_dense.activation = lambda x: x
    message = warned(model, TEXTS, NAMES, cache=None)
    assert message == "the encoder's activation has no name to keep them by"


def test_strategies_of_several_hosts(monkeypatch):
    class MultiWorkerMirroredStrategy:
        pass

    model = build()
    batches = model.preprocessor.batches(model.encode(Examples("text", ("a",))), 1)
    here = property(lambda self: MultiWorkerMirroredStrategy())
    monkeypatch.setattr(TextClassifier, "distribute_strategy", here)
    with pytest.warns(DataWarning, match="not under MultiWorkerMirroredStrategy"):
        reusing.reuse_features(model, [batches], None)
    assert batches.features is None


def test_what_was_asked_for_and_does_nothing(tmp_path):
    message = warned(build(freeze=None), TEXTS, NAMES, cache=tmp_path)
    assert message == "`freeze=None` freezes no block"
    dataset = tf.data.Dataset.from_tensor_slices((TEXTS, NAMES)).batch(4)
    message = warned(build(), dataset, cache=tmp_path)
    assert message == "only those of texts are, not of ids or data sets"
    assert list(tmp_path.iterdir()) == []
    build().fit(dataset, epochs=1, verbose=0)  # nothing asked, nothing said
    with pytest.raises(InputError, match="`feature_cache` must be a folder, a Feat"):
        build().fit(TEXTS, NAMES, feature_cache=3)
