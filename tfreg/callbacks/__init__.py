"""What happens between the epochs of a fit."""

from tfreg.callbacks.averaged_weights import AveragedWeights
from tfreg.callbacks.epoch_clock import EpochClock

__all__ = ["AveragedWeights", "EpochClock"]
