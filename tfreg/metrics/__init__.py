"""Metrics of real rows and words, free of penalties and label smoothing."""

from tfreg.metrics.accuracy import CrossEntropy, MaskedAccuracy
from tfreg.metrics.calibration import calibration_bins, expected_calibration_error
from tfreg.metrics.confusion import MacroF1, MatthewsCorrelation, WeightedF1
from tfreg.metrics.correlation import Pearson
from tfreg.metrics.scores import (
    classification_report,
    classification_scores,
    multilabel_scores,
    regression_scores,
    tagging_scores,
)
from tfreg.metrics.spans import SpanF1

__all__ = [
    "CrossEntropy",
    "MacroF1",
    "MaskedAccuracy",
    "MatthewsCorrelation",
    "Pearson",
    "SpanF1",
    "WeightedF1",
    "calibration_bins",
    "classification_report",
    "classification_scores",
    "expected_calibration_error",
    "multilabel_scores",
    "regression_scores",
    "tagging_scores",
]
