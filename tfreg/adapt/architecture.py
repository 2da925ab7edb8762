"""What the blocks of a built backbone compute: their activation and epsilon.

KerasHub fixes both in each backbone's code, whatever the checkpoint's own config
says, and its backbone configs do not hold them: a model applies them after building.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from tfreg import _compat
from tfreg._checks import check_number, fail
from tfreg.functional.gelu import gelu, gelu_new

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "gelu": gelu,
    "gelu_new": gelu_new,
    "relu": keras.activations.relu,
    "silu": keras.activations.silu,
    "tanh": keras.activations.tanh,
}
# Other names of the same functions, in Hugging Face configs and in KerasHub.
ALIASES = {
    "gelu_python": "gelu",
    "gelu_approximate": "gelu_new",
    "gelu_fast": "gelu_new",
    "gelu_python_tanh": "gelu_new",
    "gelu_pytorch_tanh": "gelu_new",
    "swish": "silu",
}


def set_architecture(
    backbone: Any,
    *,
    activation: str | None = None,
    layer_norm_epsilon: float | None = None,
) -> None:
    """Make a built backbone compute what its checkpoint's config says.

    Set it before the first call is traced; weights are left as they are.

    Args:
        backbone: a KerasHub text encoder.
        activation: of the feed-forward blocks, by its Hugging Face name: ``"gelu"``
            (exact), ``"gelu_new"`` (tanh approximation; also
            ``"gelu_pytorch_tanh"``), ``"relu"``, ``"silu"``, ``"tanh"``;
            None leaves it.
        layer_norm_epsilon: of every layer normalisation, in (0, 1); None leaves it.

    Raises:
        InputError: an unknown activation, or a backbone without such blocks.

    Example:
        >>> set_architecture(backbone, activation="gelu", layer_norm_epsilon=1e-12)
    """
    dense, norms, blocks = _parts(backbone)
    if activation is not None:
        activation = canonical_activation(activation)
        if not dense:
            raise fail("backbone", "an encoder of feed-forward blocks", backbone)
        for layer in dense + blocks:
            layer.activation = ACTIVATIONS[activation]
    if layer_norm_epsilon is not None:
        epsilon = check_number(
            "layer_norm_epsilon",
            layer_norm_epsilon,
            low=0,
            high=1,
            open_low=True,
            open_high=True,
        )
        if not norms:
            raise fail("backbone", "an encoder with layer normalisation", backbone)
        for layer in norms:
            layer.epsilon = epsilon
        for layer in blocks:
            layer.layer_norm_epsilon = epsilon


def architecture_of(backbone: Any) -> tuple[str | None, float | None]:
    """The activation and epsilon a backbone has now; None if unnamed or mixed.

    Example:
        >>> architecture_of(backbone)
        ('gelu_new', 1e-12)
    """
    dense, norms, _ = _parts(backbone)
    names = {getattr(layer.activation, "__name__", "") for layer in dense}
    names = {ALIASES.get(name, name) for name in names}
    activation = names.pop() if len(names) == 1 else None
    epsilons = {float(layer.epsilon) for layer in norms}
    return (
        activation if activation in ACTIVATIONS else None,
        epsilons.pop() if len(epsilons) == 1 else None,
    )


def canonical_activation(name: Any) -> str:
    """The one name of an activation, from any of its names."""
    known = ALIASES.get(name, name) if isinstance(name, str) else None
    if known not in ACTIVATIONS:
        names = ", ".join(sorted([*ACTIVATIONS, *ALIASES]))
        raise fail("activation", f"one of {names}", name)
    return known


def _parts(backbone: Any) -> tuple[list[Any], list[Any], list[Any]]:
    """The dense layers that hold the activation, the norms, and the blocks."""
    layers = _compat.nested_layers(backbone)
    return (
        [layer for layer in layers if layer.name == "feedforward_intermediate_dense"],
        [x for x in layers if isinstance(x, keras.layers.LayerNormalization)],
        [
            x
            for x in layers
            if hasattr(x, "intermediate_dim") and hasattr(x, "num_heads")
        ],
    )
