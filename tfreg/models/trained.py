"""What was trained of a model, kept without the preset that stands still under it."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfreg import _compat
from tfreg._checks import InputError
from tfreg.data.features import as_bytes
from tfreg.models.encoder import load_encoder
from tfreg.models.text_task import TextTask
from tfreg.presets import is_named
from tfreg.recipe import Recipe

_POOLER = "pooled_dense/"
WEIGHTS_FILE = "trained.safetensors"
MODEL_FILE = "trained.json"


def save_trained(model: Any, folder: str | os.PathLike[str], preset: str) -> None:
    """Write the weights of a model that its preset does not have.

    The head, what trains of the encoder, anchors; how to build the model; and the
    preset's name with a fingerprint of what is taken from it.

    Args:
        model: a task model with a tokenizer.
        folder: an existing folder.
        preset: what the model was built on, as the builders take it; a folder is kept
            by its full path.

    Example:
        >>> save_trained(model, "reviews", "minilm")  # doctest: +SKIP
        >>> model = load_model("reviews")  # doctest: +SKIP
    """
    from safetensors.numpy import save_file

    folder = Path(folder)
    config = model.get_config()
    about = {
        "preset": _reference(preset),
        "fingerprint": _fingerprint(model),
        "class": keras.saving.get_registered_name(type(model)),
        "task": model.task,
        "config": {
            k: config[k] for k in config if k not in ("backbone", "preprocessor")
        },
    }
    weights = {
        path: np.ascontiguousarray(_compat.as_numpy(weight))
        for path, weight in _own(model).items()
    }
    save_file(weights, folder / WEIGHTS_FILE)
    text = json.dumps(about, indent=2, ensure_ascii=False)
    (folder / MODEL_FILE).write_text(text + "\n", encoding="utf-8")


def load_trained(folder: str | os.PathLike[str], preset: Any = None) -> Any:
    """The model that `save_trained` wrote, on its preset.

    Args:
        folder: where it was written to.
        preset: where the preset is now, if it is elsewhere.

    Raises:
        InputError: a file is missing or broken, the preset cannot be loaded, or it is
            not what the model was trained on.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    folder = Path(folder)
    try:
        about = json.loads((folder / MODEL_FILE).read_text(encoding="utf-8"))
        weights = load_file(folder / WEIGHTS_FILE)
        config, cls = dict(about["config"]), _class(about["class"])
        name, task = about["preset"], about["task"]
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise InputError(f"{folder}: damaged: {error}") from error
    recipe = Recipe.from_json(config["recipe"])
    labels = tuple(config.get("labels", ()))
    place = name if preset is None else preset
    try:
        encoder, preprocessor = load_encoder(place, None, recipe, task, labels)
    except InputError as error:
        raise InputError(
            f"{folder} stands on the preset {place!r}: {error}; if it is elsewhere, "
            "say where by `load_model(..., preset=...)`"
        ) from error
    config |= {"backbone": encoder.backbone, "preprocessor": preprocessor}
    model = cls.from_config(config)
    own = _own(model)
    shapes = {path: tuple(weight.shape) for path, weight in own.items()}
    if shapes != {path: array.shape for path, array in weights.items()}:
        raise InputError(f"{folder}: damaged: its weights are not those of its recipe")
    if _fingerprint(model) != about["fingerprint"]:
        raise InputError(
            f"{folder}: was trained on another {name!r} than the one at {place!r}: "
            "its weights or its tokenizer have changed"
        )
    for path, weight in own.items():
        weight.assign(weights[path])
    model.compile()
    return model


def _reference(preset: str) -> str:
    """A preset by a name that means the same from every working folder."""
    from tfreg.models.loading import saved_form  # which loads what is saved here

    if is_named(preset) and saved_form(preset) is None:
        return preset
    return str(Path(preset).expanduser().resolve())


def _class(name: Any) -> Any:
    cls = keras.saving.get_registered_object(name)
    if not isinstance(cls, type) or not issubclass(cls, TextTask):
        raise ValueError(f"{name!r} is no model of tfreg")
    return cls


def _own(model: Any) -> dict[str, Any]:
    """All weights but those that stand still in the encoder, by path."""
    preset = {id(weight) for weight in model.backbone.weights if not weight.trainable}
    return {w.path: w for w in model.weights if id(w) not in preset}


def _fingerprint(model: Any) -> str:
    """What is taken from the preset, weights and tokenizer, as one number."""
    tokenizer = model.preprocessor.tokenizer
    config = tokenizer.get_config()
    about = {
        "backbone": type(model.backbone).__name__,
        "tokenizer": type(tokenizer).__name__,
        "config": {k: v for k, v in config.items() if k not in ("name", "dtype")},
        "vocabulary": tokenizer.get_vocabulary(),
    }
    text = json.dumps(about, sort_keys=True, default=str)
    key = hashlib.sha256(text.encode())
    pooled = model.architecture["pooler"]  # or it is random, and nobody reads it
    for weight in sorted(model.backbone.weights, key=lambda weight: weight.path):
        if not weight.trainable and (pooled or not weight.path.startswith(_POOLER)):
            value = _compat.as_numpy(weight)
            key.update(f"{weight.path} {value.shape} {value.dtype}".encode())
            key.update(as_bytes(value))
    return key.hexdigest()
