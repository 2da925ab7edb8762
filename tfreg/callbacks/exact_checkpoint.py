"""Going on with a fit that was stopped as if it had not been."""

from __future__ import annotations

import os
import shutil
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfreg import _compat
from tfreg._checks import DataWarning, InputError, check_integer, check_number, fail
from tfreg._differences import differences
from tfreg.callbacks.remembering import give_states, taken_states
from tfreg.callbacks.sealed import clear_partial, read_sealed, write_sealed


class ExactCheckpoint(keras.callbacks.Callback):
    """Writes what a fit needs to go on; the next fit with the same words does.

    That is the weights and the optimiser's, every random state, the epoch and the
    step in it (the order of the data follows from them), the metrics and the history
    so far, and what other callbacks know. Beside it stands what the fit is of: the
    recipe, fingerprints of the data and of the weights it began with. Ids, and a
    `tf.data.Dataset` of your own, have no fingerprint: that others came in their place
    is not noticed; and such a data set begins anew where the fit goes on. An entry is
    a folder of its own, flushed, sealed with SHA-256, and renamed when it is complete;
    a damaged one is named, and the one before it used.

    Under ``tf.config.experimental.enable_op_determinism()`` (``tfreg train
    --deterministic``) a fit that was killed ends in the same bits as one that was not,
    on the same machine with the same versions.

    Args:
        folder: where; made if missing.
        every: updates from one entry to the next, at least 1, and one at the end of
            each epoch; None (default): those at the ends of epochs alone. Within epochs
            it takes texts, whose order tfreg knows; the position in a
            `tf.data.Dataset` of your own cannot be told.
        seconds: an entry that is due so soon after the last one, or the fit's begin, is
            left out, but not the look for what is not finite; at least 0 (default).
        keep: entries that stay, at least 1; defaults to 2.
        allow_changes: names of what may differ from what the fit began with, as the
            error shows them: ``("recipe.epochs", "data.dev")``.
        preset: a name of what the weights are from, which the error shows where it is
            another; None (default): fingerprints alone tell.

    Raises:
        InputError: when a fit begins: an entry of other data, recipe, start or model,
            or nothing that is whole; ``steps_per_epoch`` with texts, or an
            ``initial_epoch`` beyond the entry's; while it runs, at an epoch's end at
            the latest: a loss or weights that are no finite numbers, which are never
            written.

    Warns:
        DataWarning: an entry that is damaged, or could not be written (the fit goes
            on, and the last entry stays); a change that was allowed, or that is none.

    Example:
        >>> stopped = ExactCheckpoint("checkpoints", every=500)
        >>> model.fit(train, epochs=10, callbacks=[stopped])  # doctest: +SKIP

    Under a strategy of several workers the chief writes, and all read: `folder` is one
    that all of them see. All are killed, all begin again.

    ``spent``: seconds that went into what `fit` goes on from; 0.0 where it begins.

    Callbacks of your own that know something beyond an epoch tell it by
    ``get_state()``, a mapping of JSON values, and take it by ``set_state(state)``.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        every: int | None = None,
        *,
        seconds: float = 0.0,
        keep: int = 2,
        allow_changes: Sequence[str] = (),
        preset: str | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(folder, (str, os.PathLike)):
            raise fail("folder", "the name of a folder", folder)
        self.folder = Path(folder)
        self.every = every if every is None else check_integer("every", every, low=1)
        self.seconds = check_number("seconds", seconds, low=0)
        self.keep = check_integer("keep", keep, low=1)
        if isinstance(allow_changes, str):
            raise fail("allow_changes", "a sequence of names", allow_changes)
        self.allow_changes = tuple(allow_changes)
        if preset is not None and not isinstance(preset, str):
            raise fail("preset", "a name", preset)
        self.preset = preset
        self.spent = 0.0
        self._about: dict[str, Any] = {}
        self._arrays: dict[str, np.ndarray] = {}

    def begin(
        self,
        model: Any,
        callbacks: list[Any],
        of: Mapping[str, Any],
        steps: int,
        epochs: int,
    ) -> tuple[int, int]:
        """Give a compiled model the state that was written.

        `fit` of a tfreg model calls it.

        Args:
            model: compiled, its optimiser built.
            callbacks: of the fit.
            of: what the fit is of, JSON.
            steps: of an epoch.
            epochs: of the fit.

        Returns:
            The epoch, and the step in it, to begin with.
        """
        self._others = [one for one in callbacks if one is not self]
        self._of, self._steps = {"preset": self.preset, **of}, steps
        self._writes = _compat.is_chief(model)
        if self._writes:
            clear_partial(self.folder)
        found = read_sealed(self.folder)
        self._about, self._arrays = found or ({}, {})
        epoch, step = self._about.get("epoch", 0), self._about.get("step", 0)
        self.spent = self._about.get("spent", 0.0)
        self._written = epoch * steps + step
        if self._written != _compat.said_by_chief(model, self._written):
            raise InputError(
                f"{self.folder}: this worker finds another checkpoint there than the "
                "chief; name a folder that all workers see"
            )
        self._check(self._about.get("of", self._of))
        if found is None:
            return 0, 0
        variables = _variables(model)
        shapes = {name: tuple(each.shape) for name, each in variables.items()}
        if shapes != {k: v.shape for k, v in self._arrays.items() if k in shapes}:
            raise InputError(f"{self.folder}: is of another model")
        with _compat.scope_of(model):
            for name, variable in variables.items():
                variable.assign(self._arrays[name])
        return (epochs, 0) if self._about["stopped"] else (epoch, step)

    def _check(self, began: Any) -> None:
        changes = dict(differences(began, self._of))
        told = (f"{n} {c}" for n, c in changes.items() if n not in self.allow_changes)
        if refused := "; ".join(told):
            raise InputError(
                f"{self.folder}: holds a fit with other settings: {refused};"
                " give another folder, the same settings, or `allow_changes` "
                "(--allow-changes NAME)"
            )
        for name in self.allow_changes:
            # One that is none is no error: after the next stop the same words go on,
            # and what they allowed is by then what the fit is of.
            said = f"allowed to change: {name} {changes.get(name, 'is no difference')}"
            warnings.warn(f"{self.folder}: {said}", DataWarning, stacklevel=2)

    def remove(self) -> None:
        """Delete what was written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def on_train_begin(self, logs: Any = None) -> None:
        self._clock = self._began = time.monotonic()
        # Those before this one have begun anew by now.
        if self._about:
            give_states(self._others, self._about["callbacks"], self._arrays)
            _compat.restore_random_states(_part(self._arrays, "random "))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch
        if self._about:
            # Keras has set the metrics back by now.
            with _compat.scope_of(self.model):
                for name, variable in _metrics(self.model).items():
                    if name in self._arrays:
                        variable.assign(self._arrays[name])
            self._restore_history()
            self._about, self._arrays = {}, {}

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.every is None or batch + 1 >= self._steps:
            return
        done = self._epoch * self._steps + batch + 1
        if done // self.every > self._written // self.every:
            history = self.model.history
            self._write(self._epoch, batch + 1, history.history, history.epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        # History hears of an epoch after all other callbacks.
        history = {k: list(v) for k, v in self.model.history.history.items()}
        for name, value in (logs or {}).items():
            history.setdefault(name, []).append(float(value))
        epochs = [*self.model.history.epoch, epoch]
        self._write(epoch + 1, 0, history, epochs, logs)

    def on_train_end(self, logs: Any = None) -> None:
        if self._about:  # no epoch was left
            self._restore_history()

    def _write(
        self, epoch: int, step: int, history: Any, epochs: list[int], logs: Any
    ) -> None:
        soon = time.monotonic() - self._clock < self.seconds
        if _compat.said_by_chief(self.model, soon):
            trained = {} if step else _trained(self.model)
            self._refuse_nonsense(epoch, step, trained, logs)
            return
        # All workers read their variables, for a metric is the sum of what they saw.
        states, arrays = taken_states(self._others)
        every = _variables(self.model) | (_metrics(self.model) if step else {})
        values = {name: _compat.as_numpy(each) for name, each in every.items()}
        self._refuse_nonsense(epoch, step, arrays | values, logs)
        fixed = {name: values.pop(name) for name in _fixed(every)}
        for name, state in _compat.global_random_states().items():
            values[f"random {name}"] = state
        files = {"fixed": fixed, "callbacks": arrays, "changing": values}
        about = {
            "epoch": epoch,
            "step": step,
            "stopped": bool(self.model.stop_training),
            "spent": self.spent + time.monotonic() - self._began,
            "history": history,
            "epochs": epochs,
            "callbacks": states,
            "of": self._of,
        }
        self._written = epoch * self._steps + step
        try:
            if self._writes:
                write_sealed(self.folder, self._written, about, files, self.keep)
        except OSError as error:
            warnings.warn(
                f"{self.folder}: no checkpoint after {self._written} updates: "
                f"{error.strerror or error}; the fit goes on",
                DataWarning,
                stacklevel=2,
            )
        self._clock = time.monotonic()

    def _refuse_nonsense(
        self, epoch: int, step: int, arrays: Mapping[str, np.ndarray], logs: Any
    ) -> None:
        losses = {n: v for n, v in (logs or {}).items() if n.endswith("loss")}
        wrong = [name for name, value in losses.items() if not np.isfinite(value)]
        wrong += [n for n, array in arrays.items() if not _is_finite(array)]
        if wrong:
            raise InputError(
                f"the fit diverged before epoch {epoch + 1}, step {step + 1}: "
                f"{wrong[0]} is not finite; nothing of it was written to {self.folder}"
            )

    def _restore_history(self) -> None:
        self.model.history.history = self._about["history"]
        self.model.history.epoch = self._about["epochs"]


def _variables(model: Any) -> dict[str, Any]:
    """All that changes while a model is fitted, by a name that is its place."""
    metrics = {id(variable) for variable in model.metrics_variables}
    own = [variable for variable in model.variables if id(variable) not in metrics]
    every = {f"model {place:06d}": variable for place, variable in enumerate(own)}
    for place, variable in enumerate(model.optimizer.variables):
        every[f"optimizer {place:06d}"] = variable
    return every


def _trained(model: Any) -> dict[str, np.ndarray]:
    """The weights that steps change, read."""
    every = _variables(model).items()
    return {name: _compat.as_numpy(each) for name, each in every if each.trainable}


def _fixed(variables: Mapping[str, Any]) -> list[str]:
    """Names of those that may well stay the same: what is frozen, and anchors."""
    return [
        name
        for name, each in variables.items()
        if name.startswith("model") and not each.trainable and "float" in each.dtype
    ]


def _metrics(model: Any) -> dict[str, Any]:
    """What an epoch has been scored by so far; there once a step was done."""
    return {f"metric {n:06d}": v for n, v in enumerate(model.metrics_variables)}


def _part(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    names = (name for name in arrays if name.startswith(prefix))
    return {name.removeprefix(prefix): arrays[name] for name in names}


def _is_finite(array: np.ndarray) -> bool:
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())
