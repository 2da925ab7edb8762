"""What happens between the epochs of a fit."""

from tfreg.callbacks.epoch_clock import EpochClock

__all__ = ["EpochClock"]
