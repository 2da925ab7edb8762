"""Opening what tfreg saved."""

from __future__ import annotations

import json
import zipfile
from os import PathLike
from pathlib import Path
from typing import Any

import keras

from tfreg import _compat
from tfreg._checks import InputError
from tfreg.models import trained
from tfreg.models.text_task import TextTask


def saved_form(path: str | PathLike[str]) -> str | None:
    """How a model was saved; None if there is none.

    "keras", "run" (a folder with such a file), "trained" (one with what was trained of
    it only) or "preset".
    """
    path = Path(path)
    if path.suffix == ".keras" and path.is_file():
        return "keras"
    if (path / "model.keras").is_file():
        return "run"
    if (path / trained.WEIGHTS_FILE).is_file():
        return "trained"
    return "preset" if _is_ours(path / "task.json") else None


def _is_ours(file: Path) -> bool:
    """Whether a task was saved by tfreg (KerasHub's own tasks look the same)."""
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        return str(config["registered_name"]).startswith("tfreg>")
    except (OSError, ValueError, KeyError, TypeError):
        return False


def load_model(
    path: str | PathLike[str], *, preset: Any = None, compile: bool = True
) -> Any:
    """A model that tfreg saved, with its penalties, anchors, labels and recipe.

    Args:
        path: a ``.keras`` file, a run folder, or a folder of `save_to_preset`.
        preset: of a run that keeps only what was trained: where its preset is now, if
            it is elsewhere.
        compile: of a ``.keras`` file or a run: whether to compile it as it was saved,
            with the state of its optimiser, so that a fit goes on. False compiles it
            by its recipe: enough to predict and evaluate, in less memory. Defaults to
            True.

    Raises:
        InputError: nothing there, not a model, damaged, or not one of tfreg's; a
            preset where none is needed, or another than was trained on.

    Example:
        >>> model.save("reviews.keras")  # doctest: +SKIP
        >>> model = load_model("reviews.keras")  # doctest: +SKIP
    """
    form = saved_form(path)
    if form is None:
        what = (
            "no saved model in it" if Path(path).exists() else "no such file or folder"
        )
        raise InputError(f"{path}: {what}")
    if form == "trained":
        return trained.load_trained(path, preset)
    if preset is not None:
        raise InputError(f"`preset`: {path} holds all of its model; leave it out")
    if form == "preset":
        return _compat.load_task(str(path), TextTask)
    file = Path(path) / "model.keras" if form == "run" else Path(path)
    if not zipfile.is_zipfile(file):
        raise InputError(f"{file}: damaged: not a Keras model file")
    model = keras.saving.load_model(file, compile=compile)
    if not isinstance(model, TextTask):
        raise InputError(f"{file}: holds a {type(model).__name__}, not a tfreg model")
    if not compile:
        model.compile()
    return model
