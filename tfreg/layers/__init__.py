"""Stochastic and structural layers."""

from tfreg.layers.dense import Dense
from tfreg.layers.drop_connect import DropConnect
from tfreg.layers.dropout import Dropout
from tfreg.layers.einsum_dense import EinsumDense
from tfreg.layers.embedding_noise import EmbeddingNoise
from tfreg.layers.layer_mix import LayerMix
from tfreg.layers.layer_normalization import LayerNormalization
from tfreg.layers.mixout import Mixout
from tfreg.layers.multi_sample_dropout import MultiSampleDropout
from tfreg.layers.self_attention import SelfAttention
from tfreg.layers.target_scale import TargetScale
from tfreg.layers.transformer_encoder import TransformerEncoder
from tfreg.layers.transitions import Transitions
from tfreg.layers.variational_bottleneck import VariationalBottleneck
from tfreg.layers.weight_noise import WeightNoise
from tfreg.layers.word_dropout import WordDropout

__all__ = [
    "Dense",
    "DropConnect",
    "Dropout",
    "EinsumDense",
    "EmbeddingNoise",
    "LayerMix",
    "LayerNormalization",
    "Mixout",
    "MultiSampleDropout",
    "SelfAttention",
    "TargetScale",
    "TransformerEncoder",
    "Transitions",
    "VariationalBottleneck",
    "WeightNoise",
    "WordDropout",
]
