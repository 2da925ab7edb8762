"""The optimiser, its learning-rate schedule, and what its steps reach."""

from tfreg.optimizers.adamw import AdamW
from tfreg.optimizers.averages import Averages
from tfreg.optimizers.child_tuning import ChildTuning
from tfreg.optimizers.proximal import SGD, ProximalSteps
from tfreg.optimizers.schedules import WarmupDecay

__all__ = ["AdamW", "Averages", "ChildTuning", "ProximalSteps", "SGD", "WarmupDecay"]
