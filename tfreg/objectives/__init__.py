"""Losses, and the objectives that a recipe adds to them or puts in their place."""

from tfreg.objectives.confidence_penalty import ConfidencePenalty
from tfreg.objectives.cross_entropy import BinaryCrossEntropy, CrossEntropy
from tfreg.objectives.fgm import FGM
from tfreg.objectives.focal import Focal
from tfreg.objectives.freelb import FreeLB
from tfreg.objectives.mixup import Mixup
from tfreg.objectives.objective import Objective
from tfreg.objectives.path_likelihood import PathLikelihood
from tfreg.objectives.rdrop import RDrop
from tfreg.objectives.sam import SAM
from tfreg.objectives.squared_error import SquaredError
from tfreg.objectives.vat import VAT

__all__ = [
    "BinaryCrossEntropy",
    "ConfidencePenalty",
    "CrossEntropy",
    "FGM",
    "Focal",
    "FreeLB",
    "Mixup",
    "Objective",
    "PathLikelihood",
    "RDrop",
    "SAM",
    "SquaredError",
    "VAT",
]
