"""The optimiser and its learning-rate schedule."""

from tfreg.optimizers.adamw import AdamW
from tfreg.optimizers.proximal import SGD, ProximalSteps
from tfreg.optimizers.schedules import WarmupDecay

__all__ = ["AdamW", "ProximalSteps", "SGD", "WarmupDecay"]
