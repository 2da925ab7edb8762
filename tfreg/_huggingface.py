"""A Hugging Face folder -> the backbone that Transformers would compute with.

KerasHub knows where each tensor goes. What its converters ignore is done or refused
here: activation, epsilon, dropout, a missing pooler, tensors missing or left over.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfreg import _compat
from tfreg._checks import DataWarning, InputError, check_integer, check_number, fail
from tfreg._tensors import Tensors, read_json
from tfreg.adapt.architecture import canonical_activation, set_architecture
from tfreg.adapt.dropout import set_dropout


@dataclass(frozen=True)
class Family:
    """How one model type writes its config and its tensors."""

    prefix: str
    sizes: tuple[str, ...] = (
        "vocab_size",
        "num_hidden_layers",
        "num_attention_heads",
        "hidden_size",
        "intermediate_size",
        "max_position_embeddings",
    )
    activation: str = "hidden_act"
    default_activation: str = "gelu"
    hidden_dropout: str = "hidden_dropout_prob"
    attention_dropout: str = "attention_probs_dropout_prob"
    default_dropout: float = 0.1
    roots: tuple[str, ...] = ("embeddings.", "encoder.")
    pooler: bool = False  # KerasHub's backbone has one
    segments: bool = False  # KerasHub's backbone has an embedding of them
    heads: tuple[str, str] = ("hidden_size", "num_attention_heads")


_SIZES = Family.sizes
_ROBERTA = Family("roberta.")
FAMILIES = {
    "bert": Family("bert.", pooler=True, segments=True),
    "distilbert": Family(
        "distilbert.",
        sizes=(
            "vocab_size",
            "n_layers",
            "n_heads",
            "dim",
            "hidden_dim",
            "max_position_embeddings",
        ),
        activation="activation",
        hidden_dropout="dropout",
        attention_dropout="attention_dropout",
        roots=("embeddings.", "transformer."),
        heads=("dim", "n_heads"),
    ),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "albert": Family(
        "albert.",
        sizes=(*_SIZES, "embedding_size"),
        default_activation="gelu_new",
        default_dropout=0.0,
        pooler=True,
        segments=True,
    ),
}
# Buffers of constants, that Transformers, too, leaves where they are.
_BUFFERS = ("embeddings.position_ids", "embeddings.token_type_ids")
_POSITIONS = "embeddings.position_embeddings.weight"
_SEGMENTS = "embeddings.token_type_embeddings.weight"


def read_config(folder: Path) -> tuple[dict[str, Any], Family]:
    """The checked `config.json` of a folder, defaults filled in, and its family.

    Raises:
        InputError: a model type or a setting that cannot be followed exactly.
    """
    path = folder / "config.json"
    config = read_json(path)
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in FAMILIES:
        raise InputError(
            f"{path}: model_type {kind!r} cannot be read from a Hugging Face folder; "
            f"those that can: {', '.join(FAMILIES)}"
        )
    family = FAMILIES[kind]
    for refused, allowed in (
        ("position_embedding_type", ("absolute", None)),
        ("is_decoder", (False, None)),
        ("add_cross_attention", (False, None)),
        ("quantization_config", (None,)),
        ("pruned_heads", (None, {})),
    ):
        if config.get(refused) not in allowed:
            raise fail(f"{path}: {refused}", repr(allowed[0]), config[refused])
    defaults = {
        family.activation: family.default_activation,
        family.hidden_dropout: family.default_dropout,
        family.attention_dropout: family.default_dropout,
        "layer_norm_eps": 1e-12,
        "type_vocab_size": 2,
        "num_hidden_groups": 1,
        "inner_group_num": 1,
    }
    config = {**defaults, **config}
    try:
        for size in (*family.sizes, "num_hidden_groups", "inner_group_num"):
            check_integer(size, config.get(size), low=1)
        for rate in (family.hidden_dropout, family.attention_dropout):
            check_number(rate, config[rate], low=0, high=1, open_high=True)
        check_number(
            "layer_norm_eps",
            config["layer_norm_eps"],
            low=0,
            high=1,
            open_low=True,
            open_high=True,
        )
        canonical_activation(config[family.activation])
        width, heads = (config[name] for name in family.heads)
        if width % heads:
            raise fail(family.heads[0], f"a multiple of {heads} (its heads)", width)
        if family is _ROBERTA and config.get("pad_token_id", 1) != 1:
            # Positions start behind it, and KerasHub starts them at 2.
            raise fail("pad_token_id", "1", config["pad_token_id"])
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return config, family


def load_backbone(folder: Path, dtype: str) -> tuple[Any, bool]:
    """The backbone of a folder, and whether it has a pretrained pooler.

    Raises:
        InputError: a config or weights that cannot be followed exactly.
    """
    config, family = read_config(folder)
    converter = _compat.transformers_converter(config["model_type"])
    settings = converter.convert_backbone_config(config)
    settings["dropout"] = config[family.hidden_dropout]
    if family.segments:
        settings["num_segments"] = config["type_vocab_size"]
    checkpoint = _Checkpoint(folder, family, config)
    try:
        with _compat.undrawn() as undrawn:
            backbone = converter.backbone_cls(**settings, dtype=dtype)
    except Exception as error:  # sizes that fit no memory, or not together
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(
            f"{folder / 'config.json'}: no such encoder can be built: {reason[0]}"
        ) from error
    converter.convert_weights(backbone, checkpoint, config)
    for variable, draw in undrawn:
        if id(variable) not in checkpoint.read:
            draw()
    if config["model_type"] == "roberta" and _SEGMENTS in checkpoint:
        # All text is of segment 0, and this backbone has no embedding of segments.
        positions = backbone.embeddings.position_embedding.position_embeddings
        positions.assign_add(checkpoint.get_tensor(_SEGMENTS)[:1])
    has_pooler = checkpoint.finish()
    set_architecture(
        backbone,
        activation=config[family.activation],
        layer_norm_epsilon=config["layer_norm_eps"],
    )
    attention = config[family.attention_dropout]
    if attention != config[family.hidden_dropout]:
        set_dropout(backbone, attention=attention)
    return backbone, has_pooler


class _Checkpoint:
    """What KerasHub's converters ask for weights: it keeps an account of all tensors.

    Names are compared without the model's prefix, which a bare encoder lacks, and
    with one spelling of layer normalisation.
    """

    def __init__(self, folder: Path, family: Family, config: dict[str, Any]) -> None:
        self.folder, self.family = folder, family
        self.tensors = Tensors(folder)
        self.names: dict[str, str] = {}
        for stored in self.tensors:
            name = self._plain(stored)
            if name in self.names:
                raise InputError(
                    f"{folder}: {self.names[name]} and {stored} are one and the same "
                    "tensor of the encoder"
                )
            self.names[name] = stored
        self.used: set[str] = set()
        self.missing: list[str] = []
        self.read: set[int] = set()  # the variables that have their weights, by id
        rows = config["max_position_embeddings"]
        if _POSITIONS in self and len(self.get_tensor(_POSITIONS)) != rows:
            raise InputError(
                f"{folder}: {self.names[_POSITIONS]} has "
                f"{len(self.get_tensor(_POSITIONS))} rows, config.json says {rows}"
            )

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def _plain(self, name: str) -> str:
        name = name.removeprefix(self.family.prefix)
        for old, new in (("gamma", "weight"), ("beta", "bias")):
            if name.endswith(f"LayerNorm.{old}"):
                name = name.removesuffix(old) + new
        return name

    def get_tensor(self, name: str) -> np.ndarray:
        name = name.removeprefix(self.family.prefix)
        if name not in self.names:
            # The converters probe for the old names of layer normalisation, and
            # catch whatever that raises.
            raise InputError(f"{self.folder}: the weights lack {name}")
        self.used.add(name)
        return self.tensors[self.names[name]]

    def port_weight(
        self,
        keras_variable: Any,
        hf_weight_key: str,
        hook_fn: Callable[[np.ndarray, list[int]], np.ndarray] | None = None,
    ) -> None:
        name = hf_weight_key.removeprefix(self.family.prefix)
        if name not in self.names:
            self.missing.append(name)
            return
        stored = self.get_tensor(name)
        shape = tuple(keras_variable.shape)
        try:
            value = hook_fn(stored, list(shape)) if hook_fn else stored
        except (ValueError, IndexError):  # numpy cannot bring it into shape
            value = None
        if value is None or value.shape != shape:
            raise InputError(
                f"{self.folder}: {self.names[name]} has shape {stored.shape}, which "
                f"does not give {shape} as config.json says"
            )
        keras_variable.assign(value)
        self.read.add(id(keras_variable))

    def finish(self) -> bool:
        """Whether there is a pooler; no encoder tensor may be missing or left over."""
        pooler = [name for name in self.missing if name.startswith("pooler.")]
        stored_pooler = any(name.startswith("pooler.") for name in self.used)
        missing = self.missing if stored_pooler else set(self.missing) - set(pooler)
        if missing:
            raise InputError(f"{self.folder}: the weights lack {_some(missing)}")
        left = [x for x in self.names if x not in self.used and x not in _BUFFERS]
        roots = self.family.roots + (("pooler.",) if self.family.pooler else ())
        unused = [name for name in left if name.startswith(roots)]
        if unused:
            raise InputError(
                f"{self.folder}: config.json has no place for "
                + _some(self.names[name] for name in unused)
            )
        if left:
            warnings.warn(
                f"{self.folder}: not part of the encoder, left out: "
                + _some((self.names[name] for name in left), 8),
                DataWarning,
                stacklevel=2,
            )
        return stored_pooler


def _some(names: Iterable[str], most: int = 4) -> str:
    """The first names of many, and how many more there are."""
    ordered = sorted(names)
    more = f" and {len(ordered) - most} more" if len(ordered) > most else ""
    return ", ".join(ordered[:most]) + more
