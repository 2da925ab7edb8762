"""What happens between the epochs and steps of a fit."""

from tfreg.callbacks.adaptive_strength import AdaptiveStrength
from tfreg.callbacks.annealing import Annealing
from tfreg.callbacks.averaged_weights import AveragedWeights
from tfreg.callbacks.epoch_clock import EpochClock
from tfreg.callbacks.exact_checkpoint import ExactCheckpoint
from tfreg.callbacks.gradual_unfreezing import GradualUnfreezing
from tfreg.callbacks.strength_schedule import StrengthSchedule

__all__ = [
    "AdaptiveStrength",
    "Annealing",
    "AveragedWeights",
    "EpochClock",
    "ExactCheckpoint",
    "GradualUnfreezing",
    "StrengthSchedule",
]
