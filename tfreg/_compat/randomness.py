"""Random states that belong to no layer."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import global_seed_generator


def global_random_states() -> dict[str, np.ndarray]:
    """The states of Python's, NumPy's and Keras's own generators, as arrays."""
    version, numbers, gauss = random.getstate()
    kind, keys, place, has_gauss, cached = np.random.get_state()
    del kind
    found = {
        "python": np.array(numbers, "uint64"),
        "python gauss": np.array([] if gauss is None else [gauss], "float64"),
        "numpy": np.asarray(keys),
        "numpy place": np.array([place, has_gauss], "int64"),
        "numpy gauss": np.array([cached], "float64"),
    }
    del version
    keras_own = _keras_generator()
    if keras_own is not None:
        found["keras"] = np.asarray(keras_own.state.value)
    return found


def restore_random_states(states: dict[str, np.ndarray]) -> None:
    """Give those generators the states of `global_random_states`.

    Keras's own is made where it is not yet: made later it would draw from Python's.
    """
    if "keras" in states:
        global_seed_generator().state.assign(states["keras"])
    gauss = states["python gauss"]
    numbers = tuple(int(number) for number in states["python"])
    random.setstate((3, numbers, float(gauss[0]) if len(gauss) else None))
    place, has_gauss = (int(number) for number in states["numpy place"])
    cached = float(states["numpy gauss"][0])
    np.random.set_state(("MT19937", states["numpy"], place, has_gauss, cached))


def _keras_generator() -> Any:
    return global_state.get_global_attribute("global_seed_generator")
