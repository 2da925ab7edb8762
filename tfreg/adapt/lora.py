"""LoRA: pretrained kernels stand still, and updates of low rank train beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import keras
from keras import ops

from tfreg import _compat
from tfreg._checks import InputError, check_choice, check_integer, check_number, fail
from tfreg.adapt.adaptation import Adaptation, exchange, layers_named, restore
from tfreg.layers.einsum_dense import contracted
from tfreg.layers.lora import LoRADense, LoRAEinsumDense, LowRank
from tfreg.optimizers.proximal import proximal_strength
from tfreg.regularizers.combined import encoder_only
from tfreg.regularizers.set_penalty import BoundSet
from tfreg.selection import matches

# The names of targets, and those of KerasHub's layers.
TARGETS = {
    "query": "query",
    "key": "key",
    "value": "value",
    "attention_output": "attention_output",
    "feedforward_intermediate": "feedforward_intermediate_dense",
    "feedforward_output": "feedforward_output_dense",
}
_CLASSES: dict[type, type] = {
    keras.layers.Dense: LoRADense,
    keras.layers.EinsumDense: LoRAEinsumDense,
}


@keras.saving.register_keras_serializable("tfreg")
class LoRA(Adaptation):
    """Kernels that move within a low rank: W + ΔW, ΔW = (α/r)·A·B.

    W stands still, as do all other pretrained weights; A, B and the head train. A
    starts as N(0, 1/(3·inputs)) and B as zeros: the start is the pretrained encoder,
    bit for bit. A and B are float32, at ``<layer>/lora/a`` and ``<layer>/lora/b``: a
    ``backbone_regularizer`` reaches them by pattern (``"*/lora/*"``). With
    ``freeze=k`` only the blocks above have them. `TextTask.merge` folds ΔW into W.

    Args:
        rank: r, at least 1 and at most the smaller side of a kernel; defaults to 8.
        alpha: α, above 0; defaults to 16.
        targets: which kernels of each block, of ``"query"``, ``"key"``, ``"value"``,
            ``"attention_output"``, ``"feedforward_intermediate"`` and
            ``"feedforward_output"``; defaults to query and value.
        penalty: a Keras regulariser of each ΔW as one matrix: L2(λ) is λ·‖ΔW‖²_F,
            which is L2-SP on W. It does not depend on how ΔW is split into A and B,
            as one on these does. Defaults to none.

    Raises:
        InputError: an impossible rank, scale, target or penalty.

    Example:
        >>> from tfreg import build_classifier
        >>> from tfreg.regularizers import L2
        >>> model = build_classifier(
        ...     backbone, ("bad", "good"), adapter=LoRA(rank=4, penalty=L2(1e-3))
        ... )

    Hu et al. (2021), "LoRA: Low-Rank Adaptation of Large Language Models", section
    4.1; query and value with r 8 and α 16 are its choices for RoBERTa, at learning
    rates of 2e-4 to 5e-4, above those of a full fit.
    """

    def __init__(
        self,
        rank: int = 8,
        alpha: float = 16.0,
        targets: Sequence[str] = ("query", "value"),
        penalty: Any = None,
    ) -> None:
        self.rank = check_integer("rank", rank, low=1)
        self.alpha = check_number("alpha", alpha, low=0, open_low=True)
        if isinstance(targets, str) or not targets:
            raise fail("targets", "a sequence of at least one target", targets)
        for target in targets:
            check_choice("targets", target, TARGETS)
        if len(set(targets)) < len(targets):
            raise fail("targets", "a sequence of different targets", targets)
        self.targets = tuple(targets)
        self.penalty = _check_penalty(penalty)

    def insert(self, backbone: Any) -> None:
        for layer in layers_named(backbone, [TARGETS[name] for name in self.targets]):
            inputs, units = _sides(layer)
            if self.rank > min(inputs, units):
                raise InputError(
                    f"`rank` must be at most {min(inputs, units)} for "
                    f"{layer.kernel.path}; got {self.rank}"
                )
            policy = layer.dtype_policy
            inner = LowRank(units, self.rank, self.alpha, name="lora", dtype=policy)
            exchange(layer, "lora", inner, _CLASSES)
            inner.build((None, inputs))

    def remove(self, backbone: Any) -> None:
        restore(backbone, "lora", _CLASSES)

    def trains(self, path: str) -> bool:
        return matches(path, ["*/lora/*"])

    is_new = trains

    def starts_still(self, path: str) -> bool:
        return matches(path, ["*/lora/a"])

    def penalties(self, backbone: Any) -> dict[str, BoundSet]:
        if self.penalty is None:
            return {}
        penalty = self.penalty
        return {
            layer.lora.path: BoundSet(
                penalty,
                {factor.path: factor for factor in (layer.lora.a, layer.lora.b)},
                partial(_of_update, penalty, layer.lora),
            )
            for layer in _adapted(backbone)
        }

    def folded(self, backbone: Any) -> dict[str, Any]:
        values = {
            weight.path: weight
            for weight in backbone.weights
            if not self.is_new(weight.path)
        }
        for layer in _adapted(backbone):
            kernel = layer.kernel
            update = ops.reshape(layer.lora.update(), kernel.shape)
            values[kernel.path] = ops.add(ops.cast(kernel, "float32"), update)
        return values

    def get_config(self) -> dict[str, Any]:
        penalty = self.penalty
        return {
            "rank": self.rank,
            "alpha": self.alpha,
            "targets": list(self.targets),
            "penalty": penalty and keras.saving.serialize_keras_object(penalty),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> LoRA:
        penalty = config.get("penalty")
        if isinstance(penalty, Mapping):
            penalty = keras.regularizers.get(dict(penalty))
        return cls(**{**config, "penalty": penalty})


def _check_penalty(penalty: Any) -> Any:
    if penalty is None:
        return None
    if not isinstance(penalty, keras.regularizers.Regularizer):
        raise fail("penalty", "a keras.regularizers.Regularizer or None", penalty)
    if (found := encoder_only(penalty)) is not None:
        raise InputError(
            f"`penalty` cannot be {type(found).__name__}: an update has neither a "
            "pretrained value nor groups nor a depth; L2 pulls W to where it started"
        )
    if proximal_strength(penalty):
        raise InputError(
            "`penalty` cannot be proximal: no step of the optimiser is on the update "
            "itself, which is a product of two weights"
        )
    try:
        penalty.get_config()
    except NotImplementedError as error:
        raise InputError(
            f"`penalty`: {type(penalty).__name__} has no `get_config`, so no saved "
            "model could keep it"
        ) from error
    return penalty


def _of_update(penalty: Any, lora: LowRank) -> Any:
    return ops.cast(penalty(lora.update()), "float32")


def _adapted(backbone: Any) -> list[Any]:
    classes = tuple(_CLASSES.values())
    found = [x for x in _compat.nested_layers(backbone) if isinstance(x, classes)]
    return sorted(found, key=lambda layer: layer.path)


def _sides(layer: Any) -> tuple[int, int]:
    """Inputs and outputs of a projection, its kernel as one matrix."""
    shape = layer.kernel.shape
    axes = 1
    if isinstance(layer, keras.layers.EinsumDense):
        found = contracted(layer.equation)
        if found is None:
            raise InputError(f"`adapter`: {layer.path} is not one matrix product")
        axes = found
    return math.prod(shape[:axes]), math.prod(shape[axes:])
