"""Sums and multiples of penalties on one weight, and what is in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import keras

from tfreg._checks import InputError, check_number, fail
from tfreg.regularizers.place import Place, bound, is_anchored


@keras.saving.register_keras_serializable("tfreg")
class Sum(keras.regularizers.Regularizer):
    """Several penalties on the same weights: Ω(w) = Σ_k Ω_k(w).

    Args:
        regularizers: at least one.

    Raises:
        InputError: none, or something that is no regulariser.

    Example:
        >>> both = Sum([keras.regularizers.L1(1.0), keras.regularizers.L2(0.5)])
        >>> float(both(keras.ops.array([2.0])))
        4.0
    """

    def __init__(self, regularizers: Sequence[Any]) -> None:
        live = [keras.regularizers.get(regularizer) for regularizer in regularizers]
        if not live or not all(map(callable, live)):
            raise fail("regularizers", "at least one regularizer", regularizers)
        self.regularizers = tuple(live)

    @property
    def needs_anchor(self) -> bool:
        """Whether one of them pulls weights to where they started from."""
        return any(map(is_anchored, self.regularizers))

    def bound(self, place: Place) -> Sum:
        """The sum of the same penalties, each for the weight at ``place``."""
        return Sum([bound(regularizer, place) for regularizer in self.regularizers])

    def __call__(self, x: Any) -> Any:
        return sum(
            keras.ops.cast(regularizer(x), "float32")
            for regularizer in self.regularizers
        )

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object
        return {"regularizers": [serialize(r) for r in self.regularizers]}


@keras.saving.register_keras_serializable("tfreg")
class Multiple(keras.regularizers.Regularizer):
    """A penalty times a number: Ω(w) = c·Ω₁(w).

    Args:
        regularizer: Ω₁.
        factor: c, above 0.

    Example:
        >>> float(Multiple(keras.regularizers.L2(0.5), 3.0)(keras.ops.array([2.0])))
        6.0
    """

    def __init__(self, regularizer: Any, factor: float) -> None:
        self.regularizer = keras.regularizers.get(regularizer)
        self.factor = check_number("factor", factor, low=0, open_low=True)

    @property
    def needs_anchor(self) -> bool:
        """Whether it pulls weights to where they started from."""
        return is_anchored(self.regularizer)

    def bound(self, place: Place) -> Multiple:
        """The multiple of the same penalty, for the weight at ``place``."""
        return Multiple(bound(self.regularizer, place), self.factor)

    def __call__(self, x: Any) -> Any:
        return self.factor * keras.ops.cast(self.regularizer(x), "float32")

    def get_config(self) -> dict[str, Any]:
        serialized = keras.saving.serialize_keras_object(self.regularizer)
        return {"regularizer": serialized, "factor": self.factor}


@keras.saving.register_keras_serializable("tfreg")
class ByDepth(keras.regularizers.Regularizer):
    """A penalty whose strength is a function of depth.

    Ω(w) = factor^k·Ω₁(w), for a weight with k blocks between it and the encoder's
    output: 0 for the last block and the pooler, the number of blocks for the
    embeddings. Above 1 it holds low blocks harder (they are the most general), below 1
    the high ones.

    Args:
        regularizer: Ω₁, the penalty at the top.
        factor: above 0; 1 is Ω₁ everywhere.

    Raises:
        InputError: a factor that is not above 0; a backbone whose blocks share their
            weights; or a call outside a backbone.

    Example:
        >>> from tfreg.regularizers import L2SP
        >>> rule = ByDepth(L2SP(1e-3), factor=1.3)
        >>> from tfreg import build_classifier
        >>> model = build_classifier(
        ...     backbone,
        ...     ("bad", "good"),
        ...     tokenizer=tokenizer,
        ...     backbone_regularizer=rule,
        ... )

    No paper's: the rule of Howard & Ruder (2018), "Universal Language Model Fine-tuning
    for Text Classification", section 3.2, on learning rates, put on strengths.
    """

    def __init__(self, regularizer: Any, factor: float) -> None:
        self.regularizer = keras.regularizers.get(regularizer)
        if not isinstance(self.regularizer, keras.regularizers.Regularizer):
            raise fail("regularizer", "a regularizer", regularizer)
        self.factor = check_number("factor", factor, low=0, open_low=True)

    @property
    def needs_anchor(self) -> bool:
        """Whether it pulls weights to where they started from."""
        return is_anchored(self.regularizer)

    def bound(self, place: Place) -> Multiple:
        """The penalty with the strength of the weight's depth."""
        if place.blocks_above is None:
            raise InputError(
                "`ByDepth`: the blocks of this backbone share their weights, which "
                "have no depth"
            )
        inner = bound(self.regularizer, place)
        return Multiple(inner, self.factor**place.blocks_above)

    def __call__(self, x: Any) -> Any:
        raise InputError(
            "ByDepth acts on blocks of an encoder; give it to `backbone_regularizer`, "
            "not to a layer"
        )

    def get_config(self) -> dict[str, Any]:
        serialized = keras.saving.serialize_keras_object(self.regularizer)
        return {"regularizer": serialized, "factor": self.factor}


def several(regularizer: Any) -> Sequence[Any]:
    """What a field of a recipe, or a pattern in it, holds, as a sequence."""
    if regularizer is None:
        return ()
    return regularizer if isinstance(regularizer, (list, tuple)) else (regularizer,)


def as_one(regularizers: Sequence[Any]) -> Any:
    """Regularisers of one weight as one; None for none."""
    if len(regularizers) > 1:
        return Sum(regularizers)
    return regularizers[0] if regularizers else None


def all_in(regularizer: Any) -> Iterator[Any]:
    """A regulariser and all that it is made of, from the outside in.

    Example:
        >>> from tfreg.regularizers import L1, L2
        >>> both = Sum([L1(1.0), ByDepth(L2(1.0), 1.3)])
        >>> [type(one).__name__ for one in all_in(both)]
        ['Sum', 'L1', 'ByDepth', 'L2']
    """
    yield regularizer
    inner = getattr(regularizer, "regularizer", None)
    for one in (*getattr(regularizer, "regularizers", ()), inner):
        if one is not None:
            yield from all_in(one)


def encoder_only(regularizer: Any) -> Any:
    """The first in a regulariser that is for an encoder's own weights; None if none.

    Those are anchored at pretrained values, on groups of weights, or by depth.
    """
    for one in all_in(regularizer):
        if is_anchored(one) or isinstance(one, ByDepth) or hasattr(one, "bound_to"):
            return one
    return None
