"""Words weigh alike in training, in whichever batch they are."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.backbones import tiny, tokenizer
from tests.models.conftest import NAMES, TEXTS
from tfreg.builders import build_classifier, build_tagger
from tfreg.objectives import FGM, ConfidencePenalty, CrossEntropy
from tfreg.regularizers import L2

LABELS = ("O", "B-X", "I-X")
# Batches of two: of 1, 4 and 40 words, wherever the shuffled rows fall.
SENTENCES = [["good"], ["bad", "dog"] * 2, ["a", "movie"] * 20] * 2
TAGS = [["B-X"], ["O", "B-X"] * 2, ["O", "I-X"] * 20] * 2
WORDS = 2 * (1 + 4 + 40)
STILL = 1e-12  # a learning rate that leaves the weights as they are


def tagger(rate=STILL, eager=True, **fields):
    keras.utils.set_random_seed(1)
    fields = {"sequence_length": 64, "batch_size": 2, "dropout": 0.0, **fields}
    model = build_tagger(tiny(), LABELS, tokenizer=tokenizer(), **fields)
    model.compile(optimizer=keras.optimizers.SGD(rate), run_eagerly=eager)
    return model


def losses(model):
    """The cross-entropy of each word, sentence by sentence, in NumPy."""
    found = []
    for logits, tags in zip(model.predict(SENTENCES, verbose=0), TAGS):
        each = np.exp(np.asarray(logits, "float64"))
        ids = [LABELS.index(tag) for tag in tags]
        found.append(-np.log(each[range(len(ids)), ids] / each.sum(-1)))
    return found


def first_loss(model, *data, **kwargs):
    return model.fit(*data, epochs=1, verbose=0, **kwargs).history["loss"][0]


@pytest.mark.parametrize("eager", [True, False])
def test_the_loss_of_an_epoch_is_the_mean_over_all_words(eager):
    model = tagger(eager=eager)
    found = first_loss(model, SENTENCES, TAGS)
    each = losses(model)
    assert found == pytest.approx(np.concatenate(each).mean(), rel=1e-5)
    of_batches = np.mean([one.mean() for one in each])  # as sentences would weigh alike
    assert abs(found - of_batches) > 0.01 * found


def test_weights_of_classes_multiply():
    model = tagger()
    found = first_loss(model, SENTENCES, TAGS, class_weight={"O": 0.25})
    weights = [[0.25 if tag == "O" else 1.0 for tag in tags] for tags in TAGS]
    total = sum(np.dot(*pair) for pair in zip(losses(model), weights))
    assert found == pytest.approx(total / WORDS, rel=1e-5)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"backbone_regularizer": L2(0.1), "kernel_regularizer": L2(0.2)},
        {
            "gradient_accumulation_steps": 3,
            "batch_size": 1,
            "kernel_regularizer": L2(1),
        },
        pytest.param({"objective": ConfidencePenalty(3.0)}, marks=pytest.mark.slow),
        {"head": "crf"},
        pytest.param(
            {"multi_sample_dropout": 2, "dropout": 1e-9}, marks=pytest.mark.slow
        ),
    ],
    ids=["plain", "penalties", "accumulated", "objective", "crf", "samples"],
)
def test_the_steps_of_an_epoch_add_up_to_one_of_all_data(fields):
    """To first order in the rate."""
    rate = 1e-3
    moved = []
    for each in ({}, {"batch_size": 6, "gradient_accumulation_steps": 1}):
        model = tagger(rate, **{**fields, **each})
        before = [np.array(v) for v in model.trainable_variables]
        model.fit(SENTENCES, TAGS, epochs=1, verbose=0)
        after = [np.array(v) for v in model.trainable_variables]
        moved.append(np.concatenate([np.ravel(b - a) for a, b in zip(before, after)]))
    parts, whole = moved
    steps = 2 if fields.get("gradient_accumulation_steps") else 3
    assert np.linalg.norm(parts - steps * whole) < 0.02 * np.linalg.norm(parts)


def test_another_pass_is_weighed_as_the_first():
    """FGM's, at a step of next to nothing, has the first one's loss."""
    alone = first_loss(tagger(), SENTENCES, TAGS)
    both = first_loss(tagger(objective=FGM(1.0, epsilon=1e-7)), SENTENCES, TAGS)
    assert both == pytest.approx(2 * alone, rel=1e-5)


def test_a_text_has_no_words_to_weigh():
    keras.utils.set_random_seed(1)
    fields = {"sequence_length": 64, "batch_size": 4, "dropout": 0.0}
    model = build_classifier(tiny(), ("neg", "pos"), tokenizer=tokenizer(), **fields)
    model.compile(optimizer=keras.optimizers.SGD(STILL))
    found = first_loss(model, TEXTS, NAMES)
    assert model.words_a_row is None
    logits = np.asarray(model.predict(TEXTS, verbose=0), "float64")
    ids = [["neg", "pos"].index(name) for name in NAMES]
    each = np.log(np.exp(logits).sum(-1)) - logits[range(len(ids)), ids]
    assert found == pytest.approx(each.mean(), rel=1e-5)


def test_of_a_data_set_of_ones_own_a_batch_has_the_mean_over_its_words():
    model = tagger()
    columns = (tf.ragged.constant(SENTENCES), tf.ragged.constant(TAGS))
    found = first_loss(model, tf.data.Dataset.from_tensor_slices(columns).batch(2))
    each = losses(model)
    batches = [np.concatenate(each[begin : begin + 2]) for begin in (0, 2, 4)]
    assert found == pytest.approx(np.mean([b.mean() for b in batches]), rel=1e-5)


def test_each_fit_looks_at_its_own_data():
    model = tagger(eager=False)  # a traced step has the number in it
    first_loss(model, SENTENCES[:3], TAGS[:3])
    assert model.words_a_row == pytest.approx(45 / 3)
    found = first_loss(model, SENTENCES[:2], TAGS[:2])
    expected = np.concatenate(losses(model)[:2]).mean()
    assert found == pytest.approx(expected, rel=1e-5)


def test_evaluation_is_not_weighed():
    model = tagger()
    model.fit(SENTENCES, TAGS, epochs=1, verbose=0)
    found = model.evaluate(SENTENCES[:2], TAGS[:2], verbose=0, return_dict=True)
    expected = np.concatenate(losses(model)[:2]).mean()
    assert found["loss"] == pytest.approx(expected, rel=1e-5)


def test_another_loss_is_left_as_it_is():
    model = tagger()
    model.fit(SENTENCES, TAGS, epochs=1, verbose=0)
    own = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    model.compile(optimizer=keras.optimizers.SGD(STILL), loss=own, run_eagerly=True)
    found = first_loss(model, SENTENCES, TAGS)
    assert model.words_a_row is None
    of_batches = np.mean([one.mean() for one in losses(model)])
    assert found == pytest.approx(of_batches, rel=1e-5)


class OfSpans(CrossEntropy):
    """Counts only words that are not O."""

    def real(self, y_true):
        return keras.ops.cast(keras.ops.convert_to_tensor(y_true) > 0, "float32")


def test_a_loss_says_itself_which_words_count():
    model = tagger()
    model.compile(
        optimizer=keras.optimizers.SGD(STILL), loss=OfSpans(), run_eagerly=True
    )
    found = first_loss(model, SENTENCES, TAGS)
    of_spans = [tag != "O" for tags in TAGS for tag in tags]
    expected = np.concatenate(losses(model))[of_spans].mean()
    assert found == pytest.approx(expected, rel=1e-5)


def test_of_windows_each_word_counts_once():
    """40 words through windows of 16 pieces: rows that share words as context."""
    model = tagger(sequence_length=16)
    found = first_loss(model, SENTENCES, TAGS)
    assert found == pytest.approx(np.concatenate(losses(model)).mean(), rel=1e-5)
