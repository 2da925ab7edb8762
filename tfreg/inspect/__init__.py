"""Looking into a model: penalties, probabilities, weights, words, pictures."""

from tfreg.inspect.calibration import Calibration, calibrate
from tfreg.inspect.confusion import draw_confusion
from tfreg.inspect.explain import explain
from tfreg.inspect.explanation import Explanation
from tfreg.inspect.learning_curves import draw_learning_curves
from tfreg.inspect.penalty_report import PenaltyRow, penalty_report
from tfreg.inspect.readable import readable
from tfreg.inspect.reliability import draw_reliability
from tfreg.inspect.tagged_text import tagged_html
from tfreg.inspect.weights import draw_weight_distance, draw_weights, weight_distance

__all__ = [
    "Calibration",
    "Explanation",
    "PenaltyRow",
    "calibrate",
    "draw_confusion",
    "draw_learning_curves",
    "draw_reliability",
    "draw_weight_distance",
    "draw_weights",
    "explain",
    "penalty_report",
    "readable",
    "tagged_html",
    "weight_distance",
]
