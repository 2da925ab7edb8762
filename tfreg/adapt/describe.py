"""What a backbone computes now that its own config does not hold."""

from __future__ import annotations

from typing import Any

import keras_hub

from tfreg import _compat
from tfreg.adapt.architecture import architecture_of


def describe(backbone: Any) -> dict[str, Any]:
    """Activation, epsilon, dropout rates, and whether its pooler is pretrained.

    What is mixed, or has no name, is None: it is left as the backbone class builds
    it. ELECTRA was pretrained without a pooler; KerasHub's backbone adds a random one.

    Example:
        >>> describe(backbone)["hidden_dropout"]
        0.1
    """
    activation, epsilon = architecture_of(backbone)
    rates: dict[str, set[float]] = {"hidden": set(), "attention": set()}
    for kind, dropout in _compat.dropouts([backbone]):
        rates[kind].add(_compat.dropout_rate(dropout))
    electra = isinstance(backbone, keras_hub.models.ElectraBackbone)
    outputs = backbone.output
    return {
        "activation": activation,
        "layer_norm_epsilon": epsilon,
        "hidden_dropout": _only(rates["hidden"]),
        "attention_dropout": _only(rates["attention"]),
        "pooler": isinstance(outputs, dict)
        and "pooled_output" in outputs
        and not electra,
    }


def _only(values: set[float]) -> float | None:
    return next(iter(values)) if len(values) == 1 else None
