"""Penalties on weights: Keras's own, re-exported, and the field's."""

from keras.regularizers import L1, L1L2, L2

from tfreg.regularizers.l2sp import L2SP

__all__ = ["L1", "L2", "L1L2", "L2SP"]
