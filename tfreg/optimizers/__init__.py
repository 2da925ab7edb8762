"""The optimiser and its learning-rate schedule."""

from tfreg.optimizers.adamw import AdamW
from tfreg.optimizers.averages import Averages
from tfreg.optimizers.schedules import WarmupDecay

__all__ = ["AdamW", "Averages", "WarmupDecay"]
