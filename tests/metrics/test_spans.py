"""SpanF1 against seqeval."""

from __future__ import annotations

import numpy as np
import pytest
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2

from tests.metrics.measuring import cut, total
from tfreg._checks import InputError
from tfreg.metrics import SpanF1

TAGS = ["O", "B-GPE.NAM", "I-GPE.NAM", "B-PER", "I-PER"]
RULES = {"strict": {"mode": "strict", "scheme": IOB2}, "lenient": {}}


@pytest.mark.parametrize("mode", RULES)
def test_equals_seqeval_over_batches(mode):
    rng = np.random.default_rng(0)
    for _ in range(10):
        true = rng.integers(0, 5, (150, 8))
        pred = np.where(rng.random(true.shape) < 0.7, true, rng.integers(0, 5))
        lengths = rng.integers(1, 9, 150)
        names = [
            [[TAGS[i] for i in row[:n]] for row, n in zip(ids, lengths)]
            for ids in (true, pred)
        ]
        masked = np.where(np.arange(8) < lengths[:, None], true, -1)
        batches = cut([1, 50, 99], masked, np.eye(5, dtype="float32")[pred])
        want = f1_score(*names, **RULES[mode])
        assert total(SpanF1(TAGS, mode), batches) == pytest.approx(want, abs=1e-6)


@pytest.mark.parametrize("mode", RULES)
def test_no_spans_score_zero(mode):
    metric = SpanF1(TAGS, mode)
    assert float(metric.result()) == 0
    assert total(metric, [(np.zeros((2, 3)), np.eye(5)[np.zeros((2, 3), int)])]) == 0


def test_the_two_rules_differ_on_invalid_sequences():
    true, pred = np.array([[3, 4, 0]]), np.eye(5)[[[4, 4, 0]]]
    assert total(SpanF1(TAGS, "strict"), [(true, pred)]) == 0
    assert total(SpanF1(TAGS, "lenient"), [(true, pred)]) == 1


def test_weight_of_a_sentence():
    true = np.array([[3, 4], [1, 0]])
    pred = np.eye(5)[[[3, 4], [0, 0]]]
    metric = SpanF1(TAGS)
    for weight in (np.array([1.0, 3.0]), np.array([[1.0], [3.0]])):
        assert total(metric, [(true, pred, weight)]) == pytest.approx(2 / 5)


def test_names_and_errors():
    assert SpanF1(TAGS).name == "span_f1_strict"
    assert SpanF1(TAGS, "lenient").name == "span_f1_lenient"
    with pytest.raises(InputError, match="`labels` must be IOB tags"):
        SpanF1(["NOUN", "VERB"])
    with pytest.raises(InputError, match="`mode` must be one of 'strict', 'lenient'"):
        SpanF1(TAGS, "loose")
