"""What happens between the epochs and steps of a fit."""

from tfreg.callbacks.annealing import Annealing
from tfreg.callbacks.averaged_weights import AveragedWeights
from tfreg.callbacks.epoch_clock import EpochClock
from tfreg.callbacks.exact_checkpoint import ExactCheckpoint
from tfreg.callbacks.gradual_unfreezing import GradualUnfreezing

__all__ = [
    "Annealing",
    "AveragedWeights",
    "EpochClock",
    "ExactCheckpoint",
    "GradualUnfreezing",
]
