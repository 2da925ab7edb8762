"""Choosing strengths: paths along λ, and searches."""

from tfreg.tuning.path import PathPoint, RegularizationPath
from tfreg.tuning.regularization_path import regularization_path

__all__ = ["PathPoint", "RegularizationPath", "regularization_path"]
