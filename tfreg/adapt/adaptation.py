"""What the parameter-efficient ways to train an encoder have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfreg import _compat
from tfreg._checks import InputError
from tfreg.adapt.freeze import every_block
from tfreg.regularizers.set_penalty import BoundSet

_OF_PRETRAINED = (
    "reinitialize",
    "child_tuning",
    "mixout",
    "dropconnect",
    "weight_noise",
    "noisy_tune",
)


class Adaptation:
    """A few weights that train in place of all of an encoder's.

    A subclass says which in `trains`; where it puts weights into the encoder it does so
    in `insert`, and says how to take them out again.
    """

    def insert(self, backbone: Any) -> None:
        """Put what trains into the blocks that are not frozen."""

    def remove(self, backbone: Any) -> None:
        """Undo `insert`."""

    def trains(self, path: str) -> bool:
        """Whether the weight at a path trains, unless its layer is frozen."""
        raise NotImplementedError

    def is_new(self, path: str) -> bool:
        """Whether the weight at a path has no pretrained value."""
        return False

    def starts_still(self, path: str) -> bool:
        """Whether the weight at a path has no gradient in the first step."""
        return False

    def penalties(self, backbone: Any) -> dict[str, BoundSet]:
        """Penalties of its own, on several weights each, by name."""
        return {}

    def folded(self, backbone: Any) -> dict[str, Any]:
        """{path: value} of the plain encoder that computes the same.

        Raises:
            InputError: there is none.
        """
        return {weight.path: weight for weight in backbone.weights}

    def check(self, recipe: Any) -> None:
        """Refuse what a recipe says beside it and would have no effect.

        Raises:
            InputError: naming the field.
        """
        name = type(self).__name__
        if recipe.freeze == "backbone":
            raise InputError(
                f"`adapter`: {name} has nothing to act on with `freeze='backbone'`; "
                "leave `freeze` out: pretrained weights stand still with it anyway"
            )
        for field in _OF_PRETRAINED:
            if getattr(recipe, field):
                raise InputError(
                    f"`{field}` acts on pretrained weights, which stand still with "
                    f"`adapter={name}(...)`; leave one of them out"
                )

    def get_config(self) -> dict[str, Any]:
        """What makes it again."""
        return {}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """The one that `get_config` described."""
        return cls(**config)


def train_only(backbone: Any, adaptation: Adaptation) -> list[Any]:
    """Freeze what of an encoder trains, but for what an adaptation trains.

    Returns:
        The variables that are frozen now and were not.
    """
    still = [v for v in backbone.trainable_variables if not adaptation.trains(v.path)]
    for variable in still:
        variable.trainable = False
    return still


def layers_named(backbone: Any, names: Any) -> list[Any]:
    """The layers of these names in the blocks that are not frozen, lowest first.

    Raises:
        InputError: a block that trains has none of a name.
    """
    found = []
    for block in every_block(backbone):
        if not block.trainable:
            continue
        inner = {layer.name: layer for layer in _compat.nested_layers(block)}
        for name in names:
            if name not in inner:
                raise InputError(f"`adapter`: {block.name} has no layer {name!r}")
            found.append(inner[name])
    if not found:
        raise InputError("`adapter` has nothing to act on: all blocks are frozen")
    return found


def exchange(layer: Any, name: str, inner: Any, classes: Mapping[type, type]) -> None:
    """Give a layer one more inside, and the class that uses it.

    Raises:
        InputError: a layer of another kind than there are classes for.
    """
    if type(layer) not in classes or layer.quantization_mode is not None:
        raise InputError(
            f"`adapter`: {layer.path} is a {type(layer).__name__}, which cannot "
            "be adapted"
        )
    _compat.attach(layer, name, inner, classes[type(layer)])


def restore(backbone: Any, name: str, classes: Mapping[type, type]) -> None:
    """Undo `exchange` in all layers of a backbone."""
    former = {new: old for old, new in classes.items()}
    for layer in _compat.nested_layers(backbone):
        if type(layer) in former:
            _compat.detach(layer, name, former[type(layer)])
