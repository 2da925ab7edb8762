"""Stochastic and structural layers."""

from tfreg.layers.dropout import Dropout
from tfreg.layers.einsum_dense import EinsumDense
from tfreg.layers.layer_normalization import LayerNormalization

__all__ = ["Dropout", "EinsumDense", "LayerNormalization"]
