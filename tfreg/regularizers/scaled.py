"""Penalties whose numbers are multiplied, and the numbers themselves."""

from __future__ import annotations

import re
from typing import Any

from keras.regularizers import L1, L1L2, L2

from tfreg._checks import InputError
from tfreg.regularizers.combined import ByDepth, Multiple, Sum
from tfreg.regularizers.fisher_l2sp import FisherL2SP
from tfreg.regularizers.group_lasso import GroupLasso
from tfreg.regularizers.l2sp import L2SP
from tfreg.regularizers.orthogonal import Orthogonal
from tfreg.regularizers.set_penalty import SetPenalty
from tfreg.regularizers.spectral import Spectral

# Which arguments of a penalty are its strength: it is linear in them.
_NUMBERS: dict[type, tuple[str, ...]] = {
    L1: ("l1",),
    L2: ("l2",),
    L1L2: ("l1", "l2"),
    L2SP: ("alpha",),
    FisherL2SP: ("alpha",),
    Orthogonal: ("alpha",),
    Spectral: ("alpha",),
    GroupLasso: ("strength",),
    Multiple: ("factor",),
}


def scaled(regularizer: Any, factor: float) -> Any:
    """A plain penalty that is a factor times as strong, its numbers multiplied.

    A penalty whose numbers nobody knows is put into a `Multiple`.

    Raises:
        InputError: one on sets of weights whose numbers nobody knows.

    Example:
        >>> scaled(L2SP(0.01), 3.0).alpha
        0.03
    """
    if isinstance(regularizer, Sum):
        return Sum([scaled(one, factor) for one in regularizer.regularizers])
    if isinstance(regularizer, ByDepth):
        return ByDepth(scaled(regularizer.regularizer, factor), regularizer.factor)
    if isinstance(regularizer, Multiple):
        return Multiple(regularizer.regularizer, regularizer.factor * factor)
    names = strength_names(regularizer)
    if not names and isinstance(regularizer, SetPenalty):
        raise InputError(
            f"{type(regularizer).__name__}: the number that is its strength is unknown"
        )
    if not names:
        return Multiple(regularizer, factor)
    config = regularizer.get_config()
    # As many digits as float32 holds: Keras's L2(0.1) says 0.10000000149.
    changed = {name: float(f"{config[name] * factor:.7g}") for name in names}
    return type(regularizer).from_config({**config, **changed})


def strength_names(regularizer: Any) -> tuple[str, ...]:
    """Which arguments of a penalty are its strength; none if nobody knows."""
    return _NUMBERS.get(type(regularizer), ())


def number_of(regularizer: Any) -> float | None:
    """The number that is a penalty's strength; None where there is no single one.

    Example:
        >>> number_of(ByDepth(L2SP(0.01), 1.3)), number_of(L1L2(0.1, 0.2))
        (0.01, None)
    """
    if isinstance(regularizer, ByDepth):
        return number_of(regularizer.regularizer)
    names = strength_names(regularizer)
    if len(names) != 1:
        return None
    return float(f"{float(regularizer.get_config()[names[0]]):.7g}")


def at_depth(regularizer: Any, blocks_above: int) -> Any:
    """What a penalty written for all depths is at one of them.

    Example:
        >>> at_depth(ByDepth(L2SP(0.01), 2.0), 3).alpha
        0.08
    """
    if isinstance(regularizer, Sum):
        return Sum([at_depth(one, blocks_above) for one in regularizer.regularizers])
    if isinstance(regularizer, ByDepth):
        return scaled(regularizer.regularizer, regularizer.factor**blocks_above)
    return regularizer


def short_name(regularizer: Any) -> str:
    """What logs and arguments call a kind of penalty.

    Example:
        >>> short_name(FisherL2SP()), short_name(ByDepth(Spectral(), 1.3))
        ('fisher_l2sp', 'spectral')
    """
    while isinstance(regularizer, (ByDepth, Multiple)):
        regularizer = regularizer.regularizer
    name = type(regularizer).__name__
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower()
