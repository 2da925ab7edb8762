"""Stochastic and structural layers."""

from tfreg.layers.dropout import Dropout

__all__ = ["Dropout"]
