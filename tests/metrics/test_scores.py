"""Post-hoc scores: by hand, and equal to the Keras metrics."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

from tests.metrics.measuring import total
from tfreg import metrics
from tfreg._checks import InputError

RNG = np.random.default_rng(0)
LABELS = ["anger", "joy", "sorrow"]
TAGS = ["O", "B-PER", "I-PER"]


def test_classification():
    logits = np.log([[0.5, 0.3, 0.2], [0.6, 0.2, 0.2], [0.1, 0.8, 0.1]])
    scores = metrics.classification_scores(["anger", "joy", "joy"], logits, LABELS)
    assert scores["accuracy"] == pytest.approx(2 / 3)
    assert scores["macro_f1"] == pytest.approx(2 / 3)  # sorrow is nowhere
    assert scores["weighted_f1"] == pytest.approx(2 / 3)
    assert scores["cross_entropy"] == pytest.approx(-np.log(0.5 * 0.2 * 0.8) / 3)
    assert scores["mcc"] == pytest.approx(0.5)


def test_they_equal_the_keras_metrics():
    ids, logits = RNG.integers(0, 3, 50), RNG.normal(size=(50, 3)).astype("float32")
    keras_metrics = [
        metrics.MaskedAccuracy(),
        metrics.CrossEntropy(),
        metrics.MacroF1(3),
        metrics.WeightedF1(3),
        metrics.MatthewsCorrelation(3),
    ]
    scores = metrics.classification_scores([LABELS[i] for i in ids], logits, LABELS)
    assert set(scores) == {metric.name for metric in keras_metrics}
    for metric in keras_metrics:
        want = pytest.approx(scores[metric.name], abs=1e-6)
        assert total(metric, [(ids, logits)]) == want

    keras_metrics += [metrics.SpanF1(TAGS), metrics.SpanF1(TAGS, "lenient")]
    ids, logits = ids.reshape(10, 5), logits.reshape(10, 5, 3)
    tags = [[TAGS[i] for i in row] for row in ids]
    scores = metrics.tagging_scores(tags, list(logits), TAGS)
    assert set(scores) == {metric.name for metric in keras_metrics}
    for metric in keras_metrics:
        want = pytest.approx(scores[metric.name], abs=1e-6)
        assert total(metric, [(ids, logits)]) == want

    y = RNG.integers(0, 2, (50, 3))
    logits = logits.reshape(50, 3)
    keras_metrics = [
        metrics.MaskedAccuracy(),
        metrics.CrossEntropy(),
        metrics.MacroF1(3, True),
        metrics.WeightedF1(3, True),
        metrics.MatthewsCorrelation(3, True),
    ]
    names = [tuple(LABELS[i] for i in np.flatnonzero(row)) for row in y]
    scores = metrics.multilabel_scores(names, logits, LABELS)
    assert set(scores) == {metric.name for metric in keras_metrics}
    for metric in keras_metrics:
        want = pytest.approx(scores[metric.name], abs=1e-6)
        assert total(metric, [(y, logits)]) == want


def test_regression():
    true, pred = RNG.normal(size=30), RNG.normal(size=(30, 1)).round(1)
    scores = metrics.regression_scores(true, pred)
    ranks = np.corrcoef(rankdata(true), rankdata(pred))[0, 1]
    assert scores["spearman"] == pytest.approx(ranks)
    assert scores["pearson"] == pytest.approx(np.corrcoef(true, pred[:, 0])[0, 1])
    assert scores["mse"] == pytest.approx(np.mean((true - pred[:, 0]) ** 2))


@pytest.mark.parametrize(
    "true, pred", [([1.0], [2.0]), ([1.0, 2.0], [3.0, 3.0]), ([5.0, 5.0], [1.0, 2.0])]
)
def test_undefined_correlation_is_zero(true, pred):
    scores = metrics.regression_scores(true, pred)
    assert scores["pearson"] == scores["spearman"] == 0.0


def test_tagging_without_spans():
    logits = [np.eye(3)[[0, 0]], np.eye(3)[[0]]]
    scores = metrics.tagging_scores([["O", "O"], ["O"]], logits, TAGS)
    assert scores["span_f1_strict"] == scores["span_f1_lenient"] == 0.0
    assert scores["accuracy"] == 1.0
    report = metrics.classification_report("tag", [["O", "O"], ["O"]], logits, TAGS)
    assert report == "no spans, neither true nor predicted"
    strange = metrics.classification_report("tag", [["I-PER"]], [np.eye(3)[[2]]], TAGS)
    assert strange == report  # an I- alone is no span when counted strictly


def test_tags_that_are_not_iob_have_no_span_scores():
    logits = [np.eye(2)[[0, 1, 1]]]
    scores = metrics.tagging_scores(
        [["NOUN", "VERB", "NOUN"]], logits, ["NOUN", "VERB"]
    )
    assert "span_f1_strict" not in scores and scores["accuracy"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("labels", [LABELS[:1], LABELS])
def test_several_labels_a_row_or_one_label_alone(labels):
    """By counting; and as the metrics of training have it."""
    count = len(labels)
    y = RNG.integers(0, 2, (40, count))
    logits = RNG.normal(size=(40, count)).astype("float32")
    names = [tuple(labels[i] for i in np.flatnonzero(row)) for row in y]
    scores = metrics.multilabel_scores(names, logits, labels)
    said = logits > 0
    f1 = 2 * (said * y).sum(0) / (said.sum(0) + y.sum(0))
    assert scores["macro_f1"] == pytest.approx(f1.mean())
    assert scores["weighted_f1"] == pytest.approx((f1 * y.sum(0)).sum() / y.sum())
    own = total(metrics.MacroF1(count, True), [(y, logits)])
    assert own == pytest.approx(f1.mean(), abs=1e-6)
    report = metrics.classification_report("multilabel", names, logits, labels)
    rows = {line.split()[0]: line.split()[1:] for line in report.splitlines() if line}
    assert rows[labels[0]][2:] == [f"{f1[0]:.4f}", str(y[:, 0].sum())]


def test_reports():
    logits = np.eye(3)[[0, 1, 1]] * 4
    names = ["anger", "joy", "anger"]
    report = metrics.classification_report("classify", names, logits, LABELS)
    rows = {line.split()[0]: line.split()[1:] for line in report.splitlines() if line}
    assert rows["joy"] == ["0.5000", "1.0000", "0.6667", "1"]
    assert "sorrow" not in rows

    sets = [("anger",), (), ("anger", "joy")]
    report = metrics.classification_report("multilabel", sets, logits - 1, LABELS)
    rows = {line.split()[0]: line.split()[1:] for line in report.splitlines() if line}
    assert rows["anger"] == ["1.0000", "0.5000", "0.6667", "2"]

    tags, logits = [["B-PER", "I-PER"], ["O"]], [np.eye(3)[[1, 2]], np.eye(3)[[1]]]
    report = metrics.classification_report("tag", tags, logits, TAGS)
    rows = {line.split()[0]: line.split()[1:] for line in report.splitlines() if line}
    assert rows["PER"] == ["0.5000", "1.0000", "0.6667", "1"]

    tags, logits = [["NOUN", "VERB"]], [np.eye(2)]
    report = metrics.classification_report("tag", tags, logits, ["NOUN", "VERB"])
    assert "NOUN" in report and "accuracy" in report


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: metrics.classification_scores(["hate"], [[1, 2, 3]], LABELS),
            "`targets` must be labels of the model; got 'hate' in row 0",
        ),
        (
            lambda: metrics.multilabel_scores([("hate",)], [[1, 2, 3]], LABELS),
            "`targets` must be labels of the model; got 'hate' in row 0",
        ),
        (
            lambda: metrics.classification_scores(["joy"], [[1, 2]], LABELS),
            r"`logits` must have shape \(1, 3\); got \(1, 2\)",
        ),
        (
            lambda: metrics.classification_scores([], np.zeros((0, 3)), LABELS),
            "`targets` must have at least one row; got none",
        ),
        (
            lambda: metrics.regression_scores([1.0, 2.0], [1.0, np.nan]),
            r"`predictions` must be finite; got \[nan\] in row 1, and 1 such rows of 2",
        ),
        (
            lambda: metrics.tagging_scores([["O", "O"]], [np.eye(3)[[0]]], TAGS),
            r"one row a word of `targets`; got sentences of \[1\] rows for \[2\] words",
        ),
        (
            lambda: metrics.tagging_scores([[]], [np.zeros((0, 3))], TAGS),
            "`targets` must have at least one row; got none",
        ),
        (
            lambda: metrics.classification_report("pos", [], [], []),
            "`task` must be one of 'classify'",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(InputError, match=message):
        call()
