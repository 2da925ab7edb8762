"""Fits on texts that change from epoch to epoch."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.backbones import tiny, tokenizer
from tests.models.conftest import NAMES, SENTENCES, TAGS, TEXTS, sgd
from tfreg import Examples, load_model
from tfreg._checks import DataWarning, InputError
from tfreg.builders import build_classifier, build_regressor, build_tagger
from tfreg.data.augment import Deletion, Masking, Swap, Synonyms
from tfreg.models import feeding
from tfreg.models.text_task import TextTask

NUMBERS = [float(name == "pos") for name in NAMES]
MANY = [["a", "b"], [], ["a"], ["b"]] * 4
DATA = {
    "classify": (TEXTS, NAMES),
    "multilabel": (TEXTS, MANY),
    "regress": ((TEXTS, TEXTS[::-1]), NUMBERS),
    "tag": (SENTENCES, TAGS),
}
EVERY = [Swap(0.3), Deletion(0.2), Masking(0.2), Synonyms(0.5, {"good": ["bad abc"]})]


def build(task="classify", **fields):
    """A model without dropout and with plain gradient steps, always the same one."""
    keras.utils.set_random_seed(1)
    fields = {
        "tokenizer": tokenizer(),
        "sequence_length": 32,
        "batch_size": 4,
        "dropout": 0.0,
        "epochs": 2,
        **fields,
    }
    backbone = tiny(num_layers=1)
    if task == "regress":
        model = build_regressor(backbone, **fields)
    elif task == "tag":
        model = build_tagger(backbone, ("O", "B-X", "I-X"), **fields)
    else:
        labels = ("a", "b") if task == "multilabel" else ("neg", "pos")
        many = task == "multilabel"
        model = build_classifier(backbone, labels, multi_label=many, **fields)
    model.compile(sgd(), run_eagerly=True)
    return model


def weights(model):
    return {v.path: np.array(v) for v in model.weights}


def assert_same(one, other):
    for path, value in weights(one).items():
        np.testing.assert_array_equal(value, weights(other)[path], err_msg=path)


def moved(one, other):
    other = weights(other)
    return max(
        np.abs(value - other[path]).max() for path, value in weights(one).items()
    )


@pytest.fixture
def batches_seen(monkeypatch):
    """The ids of every batch that a model is trained on."""
    seen = []
    original = TextTask.train_step

    def look(self, data):
        seen.append(data[0]["token_ids"].numpy().tolist())
        return original(self, data)

    monkeypatch.setattr(TextTask, "train_step", look)
    return seen


@pytest.mark.parametrize("task", list(DATA))
def test_rate_zero_is_plain_and_a_rate_is_not(task):
    off = [Swap(0), Deletion(0), Masking(0), Synonyms(0, {"good": ["abc"]})]
    runs = []
    for augment in (None, off, EVERY):
        model = build(task, augment=augment)
        model.fit(*DATA[task], epochs=1, verbose=0)
        runs.append(model)
    assert_same(*runs[:2])
    assert moved(runs[0], runs[2]) > 1e-6


def test_other_texts_in_every_epoch_and_the_same_after_a_restart(batches_seen):
    fields = {"augment": EVERY, "gradient_accumulation_steps": 2, "batch_size": 2}
    whole = build(epochs=3, **fields)
    whole.fit(TEXTS, NAMES, verbose=0)
    epochs = [batches_seen[first : first + 4] for first in (0, 4, 8)]
    assert all(one != other for one, other in zip(epochs, epochs[1:]))
    del batches_seen[:]
    parts = build(epochs=3, **fields)
    parts.fit(TEXTS, NAMES, epochs=1, verbose=0)
    parts.fit(parts.encode(Examples("text", tuple(TEXTS), tuple(NAMES))),
              epochs=3, initial_epoch=1, verbose=0)  # fmt: skip
    assert batches_seen == [batch for epoch in epochs for batch in epoch]
    assert_same(whole, parts)


def test_what_is_trained_on_is_what_the_augmentations_say(batches_seen):
    model = build(augment=Masking(1.0), epochs=1, batch_size=16)
    model.fit(TEXTS, NAMES, verbose=0)
    (batch,) = batches_seen
    mask, pad, start, end = 4, 0, 2, 3
    rows = [[i for i in row if i not in (pad, start, end)] for row in batch]
    # All words but one are masked; "good" alone is not.
    counts = sorted(row.count(mask) for row in rows)
    assert counts == sorted(len(text.split()) - 1 for text in TEXTS)


def test_dev_and_prediction_see_the_texts_themselves():
    model, plain = build(augment=EVERY), build()
    scores = [m.evaluate(TEXTS, NAMES, verbose=0) for m in (model, plain)]
    assert scores[0] == scores[1]
    said = [m.predict(TEXTS, verbose=0) for m in (model, plain)]
    np.testing.assert_array_equal(*said)
    fed = feeding.feed_validation(model, (TEXTS, NAMES), None)
    assert fed.batches.augmenter is None


def test_in_a_graph_with_adam_and_a_best_epoch(tmp_path):
    model = build("tag", augment=EVERY, patience=2)
    model.compile()
    dev = (SENTENCES, TAGS)
    history = model.fit(SENTENCES, TAGS, validation_data=dev, verbose=0).history
    assert np.isfinite(history["loss"]).all() and len(history["loss"]) == 2
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert loaded.recipe == model.recipe and loaded.recipe.augment == tuple(EVERY)
    for one, other in zip(
        model.predict(SENTENCES, verbose=0), loaded.predict(SENTENCES, verbose=0)
    ):
        np.testing.assert_allclose(one, other, atol=1e-6)
    loaded.fit(SENTENCES, TAGS, epochs=3, initial_epoch=2, verbose=0)


def test_what_cannot_change_is_refused():
    model = build(augment=Swap())
    dataset = tf.data.Dataset.from_tensor_slices((TEXTS, NAMES)).batch(4)
    with pytest.raises(InputError, match="not ids or a tf.data.Dataset"):
        model.fit(dataset, verbose=0)
    model.evaluate(dataset, verbose=0)
    with pytest.raises(InputError, match="a model without a tokenizer takes ids"):
        build(augment=Swap(), tokenizer=None)
    labels = ("O", "B-X", "E-X", "S-X", "I-X")
    with pytest.raises(InputError, match="`augment`: Deletion keeps IOB2 tags valid"):
        build_tagger(
            tiny(),
            labels,
            tokenizer=tokenizer(),
            sequence_length=32,
            augment=Deletion(),
        )


def test_features_of_changing_texts_are_not_kept(tmp_path):
    def stored(cache, **fit):
        model = build(freeze="backbone", augment=Swap(0.5))
        model.fit(TEXTS, NAMES, epochs=1, verbose=0, feature_cache=cache, **fit)
        return len(list(tmp_path.iterdir()))

    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        stored(None)  # nothing asked, nothing said
    with pytest.warns(DataWarning) as said:
        assert stored(tmp_path) == 0
    assert [str(warning.message) for warning in said] == [
        "features are not kept: `augment` changes the training texts in every epoch"
    ]
    with pytest.warns(DataWarning, match="`augment` changes the training texts"):
        assert stored(tmp_path, validation_data=(TEXTS[:5], NAMES[:5])) == 1
