"""Scores from the confusion matrix against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, matthews_corrcoef

from tests.metrics.measuring import cut, total
from tfreg._checks import InputError
from tfreg.metrics import MacroF1, MatthewsCorrelation, WeightedF1

pytestmark = pytest.mark.filterwarnings("ignore:A single label was found")

METRICS = [MacroF1, WeightedF1, MatthewsCorrelation]


def reference(metric, true, pred, **options):
    if metric is MatthewsCorrelation:
        if np.ndim(true) == 2:
            return np.mean([matthews_corrcoef(*c) for c in zip(true.T, pred.T)])
        return matthews_corrcoef(true, pred, **options)
    average = "macro" if metric is MacroF1 else "weighted"
    return f1_score(true, pred, average=average, zero_division=0, **options)


def one_hot(ids, classes):
    """Logits whose largest is the id."""
    return np.eye(classes, dtype="float32")[ids]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("classes, used", [(2, 2), (5, 5), (9, 4), (77, 60)])
def test_classes_equal_scikit_learn(metric, classes, used):
    rng = np.random.default_rng(classes)
    for rows in (1, 2, 7, 300):
        true = rng.integers(0, used, rows)
        pred = np.where(rng.random(rows) < 0.6, true, rng.integers(0, used, rows))
        batches = cut([rows // 3, rows - rows // 3], true, one_hot(pred, classes))
        want = reference(metric, true, pred)
        assert total(metric(classes), batches) == pytest.approx(want, abs=1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_words_and_weights(metric):
    rng = np.random.default_rng(1)
    tags = rng.integers(-1, 4, (30, 6))
    pred = np.where(
        rng.random((30, 6)) < 0.5, tags.clip(0), rng.integers(0, 4, (30, 6))
    )
    rows, words = rng.random(30), rng.random((30, 6))
    real = tags >= 0
    for weight in (rows, words):
        full = np.broadcast_to(weight.reshape(30, -1), (30, 6))[real]
        want = reference(metric, tags[real], pred[real], sample_weight=full)
        got = total(metric(4), [(tags, one_hot(pred, 4), weight)])
        assert got == pytest.approx(want, abs=1e-6)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("rate", [0.4, 0.05, 0.0])
def test_multi_label_equals_scikit_learn(metric, rate):
    rng = np.random.default_rng(2)
    for classes in (1, 3, 6):
        true = (rng.random((40, classes)) < rate).astype(int)
        pred = np.where(rng.random((40, classes)) < 0.8, true, 1 - true)
        logits = (2.0 * pred - 1) * rng.random((40, classes))
        if classes == 1 and metric is not MatthewsCorrelation:
            want = f1_score(true[:, 0], pred[:, 0], zero_division=0)  # binary
        else:
            want = reference(metric, true, pred)
        batches = cut([11, 29], true.astype("float32"), logits)
        batches.append((-np.ones((2, classes)), np.ones((2, classes))))
        got = total(metric(classes, multi_label=True), batches)
        assert got == pytest.approx(want, abs=1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_a_rare_class_in_many_rows(metric):
    """float32 products of the counts would lose the rare class."""
    true = np.zeros(200_000, int)
    true[:5] = 1
    pred = true.copy()
    pred[2:8] = 1 - pred[2:8]
    got = total(metric(2), cut([100_000, 100_000], true, one_hot(pred, 2)))
    assert got == pytest.approx(reference(metric, true, pred), abs=1e-6)


def test_constant_sides_have_no_correlation():
    for true, pred in (([0, 1], [0, 0]), ([0, 0], [0, 1]), ([1, 1], [1, 1])):
        assert total(MatthewsCorrelation(2), [(true, one_hot(pred, 2))]) == 0


@pytest.mark.parametrize("metric", METRICS)
def test_nothing_seen_is_zero(metric):
    assert float(metric(3).result()) == 0
    assert float(metric(3, multi_label=True).result()) == 0
    assert total(metric(2), [([-1], [[1.0, 2.0]])]) == 0


@pytest.mark.parametrize("classes", [0, 2.5, None])
def test_impossible_number_of_classes(classes):
    with pytest.raises(InputError, match="`num_classes` must be an integer"):
        MacroF1(classes)
