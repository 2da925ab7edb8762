"""What stands between a backbone and the logits."""

from tfreg.heads.attention_pooling import AttentionPooling
from tfreg.heads.bottleneck import Bottleneck
from tfreg.heads.crf import CRF
from tfreg.heads.head import Head
from tfreg.heads.linear import Linear
from tfreg.heads.masked_max import MaskedMax
from tfreg.heads.masked_mean import MaskedMean
from tfreg.heads.projection import Projection
from tfreg.heads.word_gather import WordGather

__all__ = [
    "AttentionPooling",
    "Bottleneck",
    "CRF",
    "Head",
    "Linear",
    "MaskedMax",
    "MaskedMean",
    "Projection",
    "WordGather",
]
