"""Going on with a fit that was stopped as if it had not been."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import keras
import numpy as np
from keras import ops

from tfreg._checks import InputError, fail

_FILE = "checkpoint.npz"
_STOPPING = ("wait", "stopped_epoch", "best", "best_epoch")


class ExactCheckpoint(keras.callbacks.Callback):
    """Writes what a fit needs to go on, after each epoch; the next fit begins there.

    It holds the weights, the optimiser's, the states of random numbers, the history,
    and what `EarlyStopping` knows; the order of the data follows from the epoch. A new
    file takes the place of the old one when it is complete.

    Args:
        folder: where; made if missing.

    Raises:
        InputError: when a fit begins: a checkpoint of another model, or a broken one.

    Example:
        >>> stopped = ExactCheckpoint("checkpoint")
        >>> model.fit(train, epochs=10, callbacks=[stopped])  # doctest: +SKIP
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        super().__init__()
        if not isinstance(folder, (str, os.PathLike)):
            raise fail("folder", "the name of a folder", folder)
        self.path = Path(folder) / _FILE
        self._found: dict[str, Any] = {}

    def begin(self, model: Any, callbacks: list[Any], epochs: int) -> int:
        """Give a compiled model the state that was written; the epoch to begin with.

        `fit` of a tfreg model calls it.
        """
        self._stopping = [c for c in callbacks if _is_early_stopping(c)]
        self._found = self._read()
        if not self._found:
            return 0
        variables = _variables(model)
        arrays = self._found["arrays"]
        shapes = {name: tuple(each.shape) for name, each in variables.items()}
        if shapes != {k: v.shape for k, v in arrays.items() if k in shapes}:
            raise InputError(f"{self.path}: is of another model")
        for name, variable in variables.items():
            variable.assign(arrays[name])
        return epochs if self._found["stopped"] else self._found["epoch"] + 1

    def remove(self) -> None:
        """Delete what was written."""
        self.path.unlink(missing_ok=True)

    def on_train_begin(self, logs: Any = None) -> None:
        # Those before this one have begun anew by now.
        for number, stopping in enumerate(self._stopping if self._found else ()):
            for name, value in self._found["stopping"][number].items():
                setattr(stopping, name, value)
            stopping.best_weights = self._best_weights(number)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self._found:
            self._restore_history()
            self._found = {}

    def on_train_end(self, logs: Any = None) -> None:
        if self._found:  # no epoch was left
            self._restore_history()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        # History hears of an epoch after all other callbacks.
        history = {k: list(v) for k, v in self.model.history.history.items()}
        for name, value in (logs or {}).items():
            history.setdefault(name, []).append(float(value))
        arrays = {
            name: ops.convert_to_numpy(variable.value)
            for name, variable in _variables(self.model).items()
        }
        for number, stopping in enumerate(self._stopping):
            for place, weight in enumerate(stopping.best_weights or ()):
                arrays[f"best {number} {place:06d}"] = np.asarray(weight)
        about = {
            "epoch": epoch,
            "stopped": bool(self.model.stop_training),
            "history": history,
            "epochs": [*self.model.history.epoch, epoch],
            "stopping": [
                {name: _plain(getattr(each, name)) for name in _STOPPING}
                for each in self._stopping
            ],
        }
        self._write(about, arrays)

    def _write(self, about: dict[str, Any], arrays: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.savez(file, about=np.array(json.dumps(about)), **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, self.path)

    def _read(self) -> dict[str, Any]:
        try:
            with np.load(self.path) as file:
                arrays = {name: file[name] for name in file.files}
            return {**json.loads(str(arrays.pop("about"))), "arrays": arrays}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise InputError(f"{self.path}: damaged: {error}") from error

    def _best_weights(self, number: int) -> list[np.ndarray] | None:
        names = [n for n in self._found["arrays"] if n.startswith(f"best {number} ")]
        return [self._found["arrays"][name] for name in sorted(names)] or None

    def _restore_history(self) -> None:
        self.model.history.history = self._found["history"]
        self.model.history.epoch = self._found["epochs"]


def _is_early_stopping(callback: Any) -> bool:
    return isinstance(callback, keras.callbacks.EarlyStopping)


def _variables(model: Any) -> dict[str, Any]:
    """All that changes while a model is fitted, by a name that is its place."""
    metrics = {id(variable) for variable in model.metrics_variables}
    own = [variable for variable in model.variables if id(variable) not in metrics]
    every = {f"model {place:06d}": variable for place, variable in enumerate(own)}
    for place, variable in enumerate(model.optimizer.variables):
        every[f"optimizer {place:06d}"] = variable
    return every


def _plain(value: Any) -> Any:
    return None if value is None else float(value)
