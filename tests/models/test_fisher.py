from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.backbones import tiny, tokenizer
from tests.models.conftest import NAMES, SENTENCES, TAGS, TEXTS, sgd
from tfreg import load_model
from tfreg._checks import InputError
from tfreg.builders import build_classifier, build_regressor, build_tagger
from tfreg.models.fisher import estimate_fisher
from tfreg.regularizers import FisherL2SP


def classifier(**fields):
    fields = {"dropout": 0.0, "sequence_length": 16, **fields}
    return build_classifier(tiny(), ("neg", "pos"), tokenizer=tokenizer(), **fields)


def one_by_one(model, encoded, loss_of):
    """Mean of the squared gradients, an example at a time, eagerly."""
    batches = model.preprocessor.batches(encoded, 1)
    variables = [v.value for v in model.backbone.trainable_variables]
    total = [np.zeros(v.shape) for v in variables]
    for row in range(len(encoded)):
        x, y = batches.collate(np.array([row]))
        with tf.GradientTape() as tape:
            loss = loss_of(y, model(x, training=False))
        for sums, gradient in zip(total, tape.gradient(loss, variables)):
            if gradient is not None:
                sums += tf.convert_to_tensor(gradient).numpy() ** 2
    paths = [v.path for v in model.backbone.trainable_variables]
    return {path: sums / len(encoded) for path, sums in zip(paths, total)}


def assert_close(found, expected):
    assert set(found) == set(expected)
    for path, values in expected.items():
        np.testing.assert_allclose(found[path], values, rtol=2e-3, atol=1e-7)


def test_of_a_classifier():
    model = classifier()

    def loss(y, logits):
        return tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)[0]

    encoded = model.encode(_examples(TEXTS, NAMES))
    found = estimate_fisher(model, TEXTS, NAMES)
    assert_close(found, one_by_one(model, encoded, loss))


def test_label_smoothing_is_no_part_of_it():
    plain, smoothed = classifier(), classifier(label_smoothing=0.5)
    for mine, other in zip(smoothed.trainable_variables, plain.trainable_variables):
        mine.assign(other)
    found = estimate_fisher(smoothed, TEXTS, NAMES)
    assert_close(found, estimate_fisher(plain, TEXTS, NAMES))


def test_of_a_regressor():
    model = build_regressor(
        tiny(), tokenizer=tokenizer(), dropout=0.0, sequence_length=16
    )
    numbers = [float(name == "pos") for name in NAMES]
    encoded = model.encode(_examples(TEXTS, numbers))
    found = estimate_fisher(model, TEXTS, numbers)
    expected = one_by_one(model, encoded, lambda y, z: tf.reduce_sum((z[0] - y) ** 2))
    assert_close(found, expected)


def test_of_a_tagger_it_is_the_sum_over_words():
    model = build_tagger(
        tiny(),
        ("O", "B-X", "I-X"),
        tokenizer=tokenizer(),
        dropout=0.0,
        sequence_length=32,
    )
    labels = sorted({tag for tags in TAGS for tag in tags})
    assert set(labels) <= set(model.labels)
    encoded = model.encode(_examples(SENTENCES, TAGS, "words"))

    def loss(y, logits):
        real = y[0] >= 0
        values = tf.nn.sparse_softmax_cross_entropy_with_logits(
            y[0][real], logits[0][real]
        )
        return tf.reduce_sum(values)

    found = estimate_fisher(model, SENTENCES, TAGS)
    assert_close(found, one_by_one(model, encoded, loss))


def test_some_examples():
    model = classifier()
    few, again, other = (
        estimate_fisher(model, TEXTS, NAMES, examples=2, seed=seed)
        for seed in (0, 0, 1)
    )
    path = "pooled_dense/kernel"
    np.testing.assert_array_equal(few[path], again[path])
    assert np.abs(few[path] - other[path]).max() > 0


def test_what_cannot_be():
    model = classifier()
    with pytest.raises(InputError, match="must be labelled"):
        estimate_fisher(model, TEXTS)
    with pytest.raises(InputError, match="`examples`"):
        estimate_fisher(model, TEXTS, NAMES, examples=0)


def test_fit_estimates_once_and_the_penalty_keeps_it(tmp_path):
    model = classifier(backbone_regularizer=FisherL2SP(2.0))
    start = {v.path: v.numpy() for v in model.backbone.trainable_variables}
    model.compile(optimizer=sgd())
    assert model.anchors.lacks_fisher
    with pytest.raises(InputError, match="`train_on_batch`: nobody has estimated"):
        model.train_on_batch(*batch_of(model))
    plain = classifier()
    for mine, other in zip(plain.trainable_variables, model.trainable_variables):
        mine.assign(other)
    expected = estimate_fisher(plain, TEXTS, NAMES)
    model.fit(TEXTS, NAMES, epochs=1, batch_size=4, verbose=0)
    assert not model.anchors.lacks_fisher
    value = sum(
        2.0 * (expected[path] * (v.numpy() - start[path]) ** 2).sum()
        for path, v in ((v.path, v) for v in model.backbone.trainable_variables)
        if path in model.penalties
    )
    assert float(sum(model.losses)) == pytest.approx(value, rel=1e-2)
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    assert not again.anchors.lacks_fisher
    assert float(sum(again.losses)) == pytest.approx(float(sum(model.losses)))


def batch_of(model):
    encoded = model.encode(_examples(TEXTS, NAMES))
    return model.preprocessor.batches(encoded, 4).collate(np.arange(4))


def _examples(inputs, targets, kind="text"):
    from tfreg import Examples

    return Examples(kind, tuple(inputs), tuple(targets))


def test_of_some_examples_the_others_are_not_read():
    model = classifier()
    chosen = np.random.default_rng(1).permutation(len(TEXTS))[:3]
    texts, names = ([every[row] for row in chosen] for every in (TEXTS, NAMES))
    found = estimate_fisher(model, TEXTS, NAMES, examples=3, seed=1)
    assert_close(found, estimate_fisher(model, texts, names))
