"""Penalties on weights: Keras's own, re-exported, and the field's."""

from keras.regularizers import L1, L1L2, L2

from tfreg.regularizers.combined import ByDepth, Multiple, Sum
from tfreg.regularizers.fisher_l2sp import FisherL2SP
from tfreg.regularizers.group_lasso import GroupLasso, ProximalGroupLasso
from tfreg.regularizers.l2sp import L2SP
from tfreg.regularizers.orthogonal import Orthogonal
from tfreg.regularizers.proximal_l1 import ProximalL1
from tfreg.regularizers.set_penalty import BoundSet, SetPenalty
from tfreg.regularizers.spectral import Spectral

__all__ = [
    "BoundSet",
    "ByDepth",
    "FisherL2SP",
    "GroupLasso",
    "L1",
    "L1L2",
    "L2",
    "L2SP",
    "Multiple",
    "Orthogonal",
    "ProximalGroupLasso",
    "ProximalL1",
    "SetPenalty",
    "Spectral",
    "Sum",
]
