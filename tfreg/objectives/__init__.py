"""Loss terms."""

from tfreg.objectives.cross_entropy import BinaryCrossEntropy, CrossEntropy
from tfreg.objectives.path_likelihood import PathLikelihood
from tfreg.objectives.squared_error import SquaredError

__all__ = ["BinaryCrossEntropy", "CrossEntropy", "PathLikelihood", "SquaredError"]
