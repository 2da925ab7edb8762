"""What stands between a backbone and the logits."""

from tfreg.heads.bottleneck import Bottleneck
from tfreg.heads.head import Head
from tfreg.heads.masked_mean import MaskedMean
from tfreg.heads.word_gather import WordGather

__all__ = ["Bottleneck", "Head", "MaskedMean", "WordGather"]
