"""The group lasso over attention heads or feed-forward neurons."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from tfreg._checks import InputError, check_choice, check_number
from tfreg.functional.groups import safe_root, squares_along
from tfreg.functional.proximal import group_shrinkage
from tfreg.regularizers.set_penalty import BoundSet, SetPenalty

# How the paths of one block's kernels end, and the axis that counts its groups.
_MEMBERS = {
    "heads": {
        "query/kernel": 1,
        "key/kernel": 1,
        "value/kernel": 1,
        "attention_output/kernel": 0,
    },
    "neurons": {
        "feedforward_intermediate_dense/kernel": 1,
        "feedforward_output_dense/kernel": 0,
    },
}


@keras.saving.register_keras_serializable("tfreg")
class GroupLasso(SetPenalty):
    """The sum of the norms of groups of weights, which empties whole groups.

    Ω(w) = λ·Σ_g √|g|·‖w_g‖₂, in float32, over all blocks. A group is an attention head
    (its slices of the query, key, value and output kernels together) or a feed-forward
    neuron (its column of the first kernel and its row of the second). By gradients a
    group comes near zero; exact zeros need a proximal step (`ProximalL1`).

    Args:
        strength: λ, above 0; defaults to 1e-4.
        groups: ``"heads"`` (default) or ``"neurons"``.

    Raises:
        InputError: a strength that is not above 0; a backbone without such groups
            among the weights that train.

    Example:
        >>> from tfreg import build_classifier
        >>> model = build_classifier(
        ...     backbone, ("bad", "good"), tokenizer=tokenizer,
        ...     backbone_regularizer=GroupLasso(1e-4, groups="neurons"),
        ... )

    Yuan & Lin (2006), "Model selection and estimation in regression with grouped
    variables", section 2 with K_g = |g|·I. The gradient of an empty group is 0.
    """

    def __init__(self, strength: float = 1e-4, groups: str = "heads") -> None:
        self.strength = check_number("strength", strength, low=0, open_low=True)
        self.groups = check_choice("groups", groups, tuple(_MEMBERS))

    def bound_to(self, variables: Mapping[str, Any]) -> BoundSet:
        """The penalty over all blocks of these weights."""
        blocks = self.members(variables)
        weights = {w.path: w for block in blocks for w, _ in block}

        def roots() -> list[Any]:
            return [safe_root(self.squares(block)) for block in blocks]

        def value() -> Any:
            sizes = [math.sqrt(group_size(block)) for block in blocks]
            norms = zip(sizes, roots())
            return self.strength * sum(size * ops.sum(norm) for size, norm in norms)

        return BoundSet(self, weights, value, lambda: ops.concatenate(roots()))

    def members(self, variables: Mapping[str, Any]) -> list[list[tuple[Any, int]]]:
        """For each block its kernels, each with the axis that counts the groups.

        Raises:
            InputError: there are none.
        """
        ends = _MEMBERS[self.groups]
        first = next(iter(ends))
        blocks = []
        for path in variables:
            stem = path.removesuffix(first)
            if stem == path or not all(stem + end in variables for end in ends):
                continue
            blocks.append([(variables[stem + end], axis) for end, axis in ends.items()])
        if not blocks:
            raise InputError(
                f"`GroupLasso`: no block has {self.groups} that train "
                f"(kernels that end in {', '.join(ends)})"
            )
        return blocks

    def squares(self, block: list[tuple[Any, int]]) -> Any:
        """‖w_g‖² of each group of one block."""
        return sum(
            ops.sum(ops.reshape(squares_along(kernel, axis), (_count(block), -1)), 1)
            for kernel, axis in block
        )

    def get_config(self) -> dict[str, Any]:
        return {"strength": self.strength, "groups": self.groups}


def group_size(block: list[tuple[Any, int]]) -> int:
    """|g|: weights of one group."""
    return sum(math.prod(kernel.shape) for kernel, _ in block) // _count(block)


def _count(block: list[tuple[Any, int]]) -> int:
    """How many groups a block has. (DeBERTa's output kernel has no axis of heads: as
    many neighbouring rows belong to each.)"""
    kernel, axis = block[0]
    return int(kernel.shape[axis])


@keras.saving.register_keras_serializable("tfreg")
class ProximalGroupLasso(GroupLasso):
    """The group lasso with exact zeros: a step after the optimiser's.

    Ω(w) = λ·Σ_g √|g|·‖w_g‖₂ is counted in the loss but gives no gradient; each step of
    the optimiser ends with w_g ← w_g·max(1 − η·λ·√|g|/‖w_g‖₂, 0), in the plain metric
    under AdamW too (elementwise scales would break the groups).

    Args:
        strength, groups: as for `GroupLasso`.

    Example:
        >>> from tfreg import build_classifier
        >>> model = build_classifier(
        ...     backbone, ("bad", "good"), tokenizer=tokenizer,
        ...     backbone_regularizer=ProximalGroupLasso(1e-3, groups="neurons"),
        ... )

    Yuan & Lin (2006); Parikh & Boyd (2014), section 6.5.1.
    """

    proximal = True

    def bound_to(self, variables: Mapping[str, Any]) -> BoundSet:
        """The penalty over all blocks of these weights, with its proximal step."""
        found = super().bound_to(variables)
        blocks = self.members(variables)

        def shrink(rates: Callable[[str], Any]) -> None:
            for block in blocks:
                rate = rates(block[0][0].path)  # a block's kernels have one rate
                threshold = rate * self.strength * math.sqrt(group_size(block))
                factors = group_shrinkage(self.squares(block), threshold)
                for kernel, axis in block:
                    shape = [1] * len(kernel.shape)
                    shape[axis] = -1
                    each = ops.repeat(factors, kernel.shape[axis] // _count(block))
                    kernel.assign(kernel * ops.reshape(each, shape))

        value = found.value
        found.value = lambda: ops.stop_gradient(value())
        found.shrink = shrink
        return found
