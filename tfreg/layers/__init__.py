"""Stochastic and structural layers."""

from tfreg.layers.dense import Dense
from tfreg.layers.dropout import Dropout
from tfreg.layers.einsum_dense import EinsumDense
from tfreg.layers.layer_mix import LayerMix
from tfreg.layers.layer_normalization import LayerNormalization
from tfreg.layers.self_attention import SelfAttention
from tfreg.layers.transformer_encoder import TransformerEncoder
from tfreg.layers.transitions import Transitions

__all__ = [
    "Dense",
    "Dropout",
    "EinsumDense",
    "LayerMix",
    "LayerNormalization",
    "SelfAttention",
    "TransformerEncoder",
    "Transitions",
]
