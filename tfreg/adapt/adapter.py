"""Adapters: bottlenecks that train inside an encoder that stands still."""

from __future__ import annotations

from typing import Any

import keras

from tfreg._checks import InputError, check_integer
from tfreg.adapt.adaptation import Adaptation, exchange, layers_named, restore
from tfreg.layers.inset import Inset, InsetDense, InsetEinsumDense
from tfreg.selection import matches

_CLASSES: dict[type, type] = {
    keras.layers.Dense: InsetDense,
    keras.layers.EinsumDense: InsetEinsumDense,
}


@keras.saving.register_keras_serializable("tfreg")
class Adapter(Adaptation):
    """Two bottlenecks a block: x + gelu(x·D + d)·U + u.

    One follows the output projection of attention, one that of the feed-forward part,
    both before the dropout and the residual connection. They, the layer norms and the
    head train; all other pretrained weights stand still. U and the biases start as
    zeros: the start is the pretrained encoder. Their weights are float32, at
    ``<layer>/adapter/down/...`` and ``<layer>/adapter/up/...``; a single
    ``backbone_regularizer`` is on their kernels. With ``freeze=k`` only the blocks
    above have them.

    Args:
        dim: width of the bottleneck, at least 1; defaults to 64.

    Raises:
        InputError: a width that is no such number.

    Example:
        >>> from tfreg import build_classifier
        >>> model = build_classifier(backbone, ("bad", "good"), adapter=Adapter(4))

    Houlsby et al. (2019), "Parameter-Efficient Transfer Learning for NLP", section 2;
    it tries widths of 8 to 256. Departure: there U starts near zero. (Their code puts
    the bottleneck behind the dropout.)
    """

    def __init__(self, dim: int = 64) -> None:
        self.dim = check_integer("dim", dim, low=1)

    def insert(self, backbone: Any) -> None:
        names = ["attention_output", "feedforward_output_dense"]
        for layer in layers_named(backbone, names):
            inner = Inset(self.dim, name="adapter", dtype=layer.dtype_policy)
            exchange(layer, "adapter", inner, _CLASSES)
            inner.build((None, None, layer.kernel.shape[-1]))

    def remove(self, backbone: Any) -> None:
        restore(backbone, "adapter", _CLASSES)

    def trains(self, path: str) -> bool:
        return self.is_new(path) or matches(path, ["*/gamma", "*/beta"])

    def is_new(self, path: str) -> bool:
        return matches(path, ["*/adapter/*"])

    def starts_still(self, path: str) -> bool:
        return matches(path, ["*/adapter/down*"])

    def folded(self, backbone: Any) -> dict[str, Any]:
        raise InputError(
            "adapters cannot be folded into the encoder they are in, which does not "
            "compute the same without them"
        )

    def get_config(self) -> dict[str, Any]:
        return {"dim": self.dim}
