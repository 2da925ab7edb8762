"""Choosing strengths: searches, and paths along λ."""

from tfreg.tuning.dimensions import Choice, Dimension, Integers, LogUniform, Uniform
from tfreg.tuning.hypermodel import FineTuneHyperModel
from tfreg.tuning.path import PathPoint, RegularizationPath
from tfreg.tuning.regularization_path import regularization_path
from tfreg.tuning.search import search
from tfreg.tuning.search_result import SearchResult, Trial

__all__ = [
    "Choice",
    "Dimension",
    "FineTuneHyperModel",
    "Integers",
    "LogUniform",
    "PathPoint",
    "RegularizationPath",
    "SearchResult",
    "Trial",
    "Uniform",
    "regularization_path",
    "search",
]
