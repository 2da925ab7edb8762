"""Attaching regularisers to the weights of a built backbone, so that they act."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tfreg._checks import InputError
from tfreg.selection import assign, kernels


@keras.saving.register_keras_serializable("tfreg")
class Anchors(keras.layers.Layer):
    """The start values w⁰ of anchored penalties, as weights that save with the model.

    An anchor held outside the model is lost by every way of saving it.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trainable=False, dtype="float32", **kwargs)
        self._by_path: dict[str, Any] = {}

    def hold(self, variable: Any) -> Any:
        """A copy of the variable's value when first held, as a non-trainable weight."""
        if variable.path in self._by_path:
            return self._by_path[variable.path]
        anchor = self.add_weight(
            shape=variable.shape,
            initializer="zeros",
            dtype="float32",
            trainable=False,
            name=variable.path.replace("/", "."),
        )
        # JAX would share one buffer, and a training step gives its variable's away.
        anchor.assign(ops.copy(variable))
        self._by_path[variable.path] = anchor
        return anchor

    def __getitem__(self, path: str) -> Any:
        return self._by_path[path]

    def __contains__(self, path: str) -> bool:
        return path in self._by_path

    def __len__(self) -> int:
        return len(self._by_path)


def hold_kernels(backbone: Any, anchors: Anchors) -> None:
    """Hold all kernels of a backbone that train, for `AdamW` to pull to.

    Raises:
        InputError: there is none.
    """
    found = kernels(backbone.trainable_variables)
    if not found:
        raise InputError("`anchor_decay`: the backbone has no kernel that trains")
    for variable in found:
        anchors.hold(variable)


def penalise(
    backbone: Any,
    regularizer: Any,
    anchors: Anchors,
    name: str = "backbone_regularizer",
) -> dict[str, Any]:
    """Attach regularisers to the trainable weights of a backbone.

    Setting ``layer.kernel_regularizer`` on a built layer does nothing; setting the
    variable's does, but is forgotten by every way of saving. A model that calls this
    in its constructor and keeps the regulariser in its config keeps the penalty.

    Args:
        backbone: a built backbone, already adapted and frozen.
        regularizer: one regulariser for all kernels that train, or
            {path pattern: regulariser}, or None.
        anchors: the layer, owned by the same model, that keeps anchor values.
        name: the argument's name, for errors.

    Returns:
        {path: regulariser as attached}.

    Raises:
        InputError: nothing matches; patterns overlap; a pattern matches a frozen
            weight; the backbone is already penalised by another model.
    """
    if any(v.regularizer is not None for v in backbone.trainable_variables):
        raise InputError(
            "this backbone already belongs to a model with penalties; load it anew"
        )
    if regularizer is None:
        return {}
    if isinstance(regularizer, Mapping):
        rules = assign(name, backbone.weights, regularizer)
        trained = {v.path for v in backbone.trainable_variables}
        frozen = [path for path in rules if path not in trained]
        if frozen:
            raise InputError(
                f"`{name}`: {frozen[0]!r} is frozen, and a penalty on a frozen weight "
                f"does nothing ({len(frozen)} such weights)"
            )
    else:
        rules = {v.path: regularizer for v in kernels(backbone.trainable_variables)}
        if not rules:
            raise InputError(f"`{name}`: the backbone has no kernel that trains")
    by_path = {v.path: v for v in backbone.trainable_variables}
    attached = {}
    for path, rule in rules.items():
        if getattr(rule, "needs_anchor", False):
            rule = rule.anchored(anchors.hold(by_path[path]))
        _try(rule, by_path[path], name)
        attached[path] = rule
    for path, rule in attached.items():  # all of them, or none
        by_path[path].regularizer = rule
    return attached


def _try(rule: Any, variable: Any, name: str) -> None:
    """Compute the penalty once: Keras's orthogonal one takes matrices only, say."""
    try:
        rule(variable)
    except (ValueError, TypeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"`{name}`: {type(rule).__name__} cannot penalise {variable.path!r}, "
            f"{len(variable.shape)} axes: {reason}"
        ) from error
