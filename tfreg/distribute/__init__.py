"""Several GPUs, hosts or TPU cores: the same `fit` gives the same model."""

from tfreg._checks import WorkerLost
from tfreg.distribute.strategy import KINDS, is_chief, pick, strategy

__all__ = ["KINDS", "WorkerLost", "is_chief", "pick", "strategy"]
