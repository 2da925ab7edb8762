"""What happens between the epochs of a fit."""

from tfreg.callbacks.epoch_clock import EpochClock
from tfreg.callbacks.gradual_unfreezing import GradualUnfreezing

__all__ = ["EpochClock", "GradualUnfreezing"]
