"""Encoders made ready as a model makes them, without the model."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.backbones import tiny
from tfreg import _compat
from tfreg.adapt.describe import describe
from tfreg.adapt.penalise import Anchors
from tfreg.adapt.prepare import prepare
from tfreg.recipe import Recipe

IDS = np.array([[2, 5, 9, 3, 0, 0], [2, 7, 7, 8, 9, 3]])
WITH_POOLER = ("bert", "albert", "electra")


def prepared(kind: str = "bert", backbone: Any = None, **fields: Any) -> Any:
    """An encoder, its last hidden states read."""
    backbone = backbone or tiny(kind)
    architecture = describe(backbone)
    prepare(backbone, Recipe(**fields), architecture, sequence, Anchors())
    return backbone


def sequence(output: Any) -> Any:
    return output["sequence_output"] if isinstance(output, dict) else output


def run(backbone: Any, training: bool = False) -> np.ndarray:
    given = {"token_ids": IDS, "padding_mask": (IDS > 0).astype("int32")}
    if "segment_ids" in backbone.input:
        given["segment_ids"] = np.zeros_like(IDS)
    return np.array(sequence(backbone(given, training=training)))


def shaken(backbone: Any, part: str = "") -> None:
    """Move what trains, or what of it has this in its path, away from its start."""
    random = np.random.default_rng(1)
    for variable in backbone.trainable_variables:
        if part in variable.path:
            variable.assign_add(0.1 * random.normal(size=variable.shape))


def trained(backbone: Any) -> set[str]:
    return {variable.path for variable in backbone.trainable_variables}


def same_weights(kind: str) -> tuple[Any, Any]:
    """Two encoders alike."""
    one, other = tiny(kind), tiny(kind)
    for mine, theirs in zip(one.weights, other.weights):
        theirs.assign(mine)
    return one, other


def layers_of(backbone: Any, cls: type) -> list[Any]:
    return [x for x in _compat.nested_layers(backbone) if type(x) is cls]
