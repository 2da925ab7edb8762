"""Accuracy and cross-entropy against NumPy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, log_softmax
from sklearn.metrics import accuracy_score, log_loss

from tests.metrics.measuring import cut, total
from tfreg.metrics import CrossEntropy, MaskedAccuracy

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(20, 7, 4)).astype("float32") * 3
TAGS = np.where(RNG.random((20, 7)) < 0.7, RNG.integers(0, 4, (20, 7)), -1)
REAL = TAGS >= 0


def nll(logits, ids):
    return -np.take_along_axis(log_softmax(logits, -1), ids[..., None], -1)[..., 0]


def test_classes_equal_scikit_learn():
    logits, y = LOGITS[:, 0], RNG.integers(0, 4, 20)
    for sizes in ([20], [3, 17]):
        batches = cut(sizes, y, logits)
        want = accuracy_score(y, logits.argmax(-1))
        assert total(MaskedAccuracy(), batches) == pytest.approx(want)
        want = log_loss(y, np.exp(log_softmax(logits, -1)), labels=range(4))
        assert total(CrossEntropy(), batches) == pytest.approx(want, rel=1e-5)
    column = cut([20], y[:, None], logits)
    assert total(CrossEntropy(), column) == pytest.approx(want, rel=1e-5)


def test_words_count_alike_however_they_are_batched():
    want = (LOGITS.argmax(-1) == TAGS)[REAL].mean()
    loss = nll(LOGITS, TAGS.clip(0))[REAL].mean()
    for sizes in ([20], [1, 4, 15]):
        batches = cut(sizes, TAGS, LOGITS)
        assert total(MaskedAccuracy(), batches) == pytest.approx(want)
        assert total(CrossEntropy(), batches) == pytest.approx(loss, rel=1e-5)


def test_padding_changes_nothing_whatever_stands_there():
    tags = np.pad(TAGS, [(0, 0), (0, 5)], constant_values=-1)
    logits = np.pad(LOGITS, [(0, 0), (0, 5), (0, 0)], constant_values=np.nan)
    for metric in (MaskedAccuracy(), CrossEntropy()):
        plain = total(metric, [(TAGS, LOGITS)])
        assert total(metric, [(tags, logits)]) == plain


def test_weights():
    rows, words = RNG.random(20), RNG.random((20, 7))
    loss = nll(LOGITS, TAGS.clip(0))
    for weight in (rows, rows[:, None], words):
        full = np.broadcast_to(
            weight if weight.ndim == 2 else weight[:, None], (20, 7)
        )[REAL]
        want = np.average(loss[REAL], weights=full)
        got = total(CrossEntropy(), [(TAGS, LOGITS, weight)])
        assert got == pytest.approx(want, rel=1e-5)
    y = RNG.integers(0, 4, 20)
    right = LOGITS[:, 0].argmax(-1) == y
    for weight in (rows, rows[:, None]):
        got = total(MaskedAccuracy(), [(y, LOGITS[:, 0], weight)])
        assert got == pytest.approx(np.average(right, weights=rows), rel=1e-5)


def test_multi_label_equals_scikit_learn():
    y = RNG.integers(0, 2, (20, 4)).astype("float32")
    logits = np.where(RNG.random((20, 4)) < 0.9, 1, -1) * (2 * y - 1)
    logits = (logits * RNG.random((20, 4)) * 5).astype("float32")
    p = expit(logits.astype("float64"))
    loss = -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()
    y_pad = np.concatenate([y, -np.ones((3, 4), "float32")])
    logits_pad = np.concatenate([logits, np.full((3, 4), 7, "float32")])
    for batches in ([(y, logits)], cut([9, 14], y_pad, logits_pad)):
        want = accuracy_score(y, logits > 0)
        assert 0 < want < 1
        assert total(MaskedAccuracy(), batches) == pytest.approx(want)
        assert total(CrossEntropy(), batches) == pytest.approx(loss, rel=1e-5)


def test_extreme_logits_stay_finite():
    logits = np.array([[1e4, -1e4], [1e4, -1e4]], "float32")
    assert total(CrossEntropy(), [([0, 1], logits)]) == pytest.approx(1e4)
    y = np.array([[1.0, 0.0], [0.0, 0.0]])
    assert total(CrossEntropy(), [(y, logits)]) == pytest.approx(2500)


@pytest.mark.parametrize("metric", [MaskedAccuracy, CrossEntropy])
def test_nothing_seen_is_zero(metric):
    assert float(metric().result()) == 0
    assert total(metric(), [([-1], [[1.0, 2.0]])]) == 0
