"""What callbacks know, taken from them and given back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

# Keras's own begin anew with each fit. The first class that fits counts.
_KEPT: dict[type, tuple[str, ...]] = {
    keras.callbacks.EarlyStopping: ("wait", "stopped_epoch", "best", "best_epoch"),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
    keras.callbacks.ModelCheckpoint: ("best", "epochs_since_last_save"),
}
_WEIGHTS = "best_weights"  # of early stopping


def taken_states(
    callbacks: Sequence[Any],
) -> tuple[dict[str, dict[str, Any]], dict[str, np.ndarray]]:
    """What the callbacks of a fit know: JSON, and arrays.

    Keras's are known here; one of another kind tells it by ``get_state()``, a mapping
    of JSON values, and takes it by ``set_state(state)``.
    """
    states: dict[str, dict[str, Any]] = {}
    arrays: dict[str, np.ndarray] = {}
    for name, callback in _named(callbacks):
        if hasattr(callback, "get_state"):
            states[name] = dict(callback.get_state())
            continue
        kept = _kept(callback)
        if kept:
            states[name] = {key: _plain(getattr(callback, key)) for key in kept}
        for place, weight in enumerate(getattr(callback, _WEIGHTS, None) or ()):
            arrays[f"{name} {place:06d}"] = np.asarray(weight)
    return states, arrays


def give_states(
    callbacks: Sequence[Any],
    states: Mapping[str, Mapping[str, Any]],
    arrays: Mapping[str, np.ndarray],
) -> None:
    """Give callbacks what `taken_states` took, after they have begun anew."""
    for name, callback in _named(callbacks):
        if name not in states:
            continue
        if hasattr(callback, "set_state"):
            callback.set_state(dict(states[name]))
            continue
        for key, value in states[name].items():
            setattr(callback, key, value)
        if hasattr(callback, _WEIGHTS):
            found = sorted(key for key in arrays if key.startswith(f"{name} "))
            setattr(callback, _WEIGHTS, [arrays[key] for key in found] or None)


def _named(callbacks: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Each with its class and which of that class it is."""
    seen: Counter[str] = Counter()
    for callback in callbacks:
        kind = type(callback).__name__
        yield f"{kind} {seen[kind]}", callback
        seen[kind] += 1


def _kept(callback: Any) -> tuple[str, ...]:
    return next((k for cls, k in _KEPT.items() if isinstance(callback, cls)), ())


def _plain(value: Any) -> Any:
    return None if value is None else float(value)
