"""Surgery on a built backbone: what it computes, what trains, what is penalised."""

from tfreg.adapt.adaptation import Adaptation
from tfreg.adapt.adapter import Adapter
from tfreg.adapt.bitfit import BitFit
from tfreg.adapt.lora import LoRA

__all__ = ["Adaptation", "Adapter", "BitFit", "LoRA"]
