"""Attaching regularisers to the weights of a built backbone, so that they act."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import keras
from keras import ops

from tfreg._checks import InputError
from tfreg.adapt.depth import blocks_above
from tfreg.regularizers import SetPenalty
from tfreg.regularizers.combined import as_one, several
from tfreg.regularizers.place import bound
from tfreg.regularizers.set_penalty import BoundSet
from tfreg.selection import assign, kernels


@keras.saving.register_keras_serializable("tfreg")
class Anchors(keras.layers.Layer):
    """The start values w⁰ of anchored penalties, as weights that save with the model.

    An anchor held outside the model is lost by every way of saving it.
    """

    without_start: Collection[str] = frozenset()
    """Paths of the weights that have no pretrained value."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trainable=False, dtype="float32", **kwargs)
        self._by_path: dict[str, Any] = {}
        self._fisher: dict[str, Any] = {}
        self._estimated: Any = None

    def hold(self, variable: Any) -> Any:
        """A copy of the variable's value at the start, as a non-trainable weight.

        Raises:
            InputError: that is not a pretrained one.
        """
        if variable.path in self.without_start:
            raise InputError(
                f"`backbone_regularizer`: {variable.path!r} has no pretrained value to "
                "be anchored at; say by patterns which weights are"
            )
        if variable.path not in self._by_path:
            anchor = self._weight(variable.shape, variable.path.replace("/", "."))
            # JAX would share one buffer, and a step gives its variable's away.
            anchor.assign(ops.copy(variable))
            self._by_path[variable.path] = anchor
        return self._by_path[variable.path]

    def fisher(self, variable: Any) -> Any:
        """Room for a variable's diagonal Fisher information, zeros until estimated."""
        if self._estimated is None:
            self._estimated = self._weight((), "fisher_estimated")
        if variable.path not in self._fisher:
            name = "fisher." + variable.path.replace("/", ".")
            self._fisher[variable.path] = self._weight(variable.shape, name)
        return self._fisher[variable.path]

    def set_fisher(self, values: Mapping[str, Any]) -> None:
        """Keep the diagonal Fisher information of the weights that have room for it."""
        for path, weight in self._fisher.items():
            weight.assign(values[path])
        if self._estimated is not None:
            self._estimated.assign(1.0)

    @property
    def lacks_fisher(self) -> bool:
        """Whether a penalty needs the Fisher information and nobody estimated it."""
        if self._estimated is None:
            return False
        return float(ops.convert_to_numpy(self._estimated)) == 0.0

    def _weight(self, shape: Sequence[int], name: str) -> Any:
        return self.add_weight(
            shape=shape,
            initializer="zeros",
            dtype="float32",
            trainable=False,
            name=name,
        )

    def __getitem__(self, path: str) -> Any:
        return self._by_path[path]

    def __contains__(self, path: str) -> bool:
        return path in self._by_path

    def __len__(self) -> int:
        return len(self._by_path)


class _Place:
    """One weight of a backbone, as `tfreg.regularizers.place.Place` has it."""

    def __init__(self, variable: Any, anchors: Anchors, depth: Any) -> None:
        self.anchor = lambda: anchors.hold(variable)
        self.fisher = lambda: anchors.fisher(variable)
        self.blocks_above = None if depth is None else depth[variable.path]


class Penalties(NamedTuple):
    """What acts on a backbone.

    Args:
        by_path: {path: regulariser as attached to the weight}.
        sets: {name: a penalty on several weights}.
    """

    by_path: dict[str, Any]
    sets: dict[str, BoundSet]


def hold_kernels(backbone: Any, anchors: Anchors) -> None:
    """Hold all pretrained kernels of a backbone that train, for `AdamW` to pull to.

    Raises:
        InputError: there is none.
    """
    found = kernels(backbone.trainable_variables)
    found = [v for v in found if v.path not in anchors.without_start]
    if not found:
        raise InputError("`anchor_decay`: no pretrained kernel trains")
    for variable in found:
        anchors.hold(variable)


def penalise(
    backbone: Any,
    regularizer: Any,
    anchors: Anchors,
    name: str = "backbone_regularizer",
) -> Penalties:
    """Attach regularisers to the trainable weights of a backbone.

    Setting ``layer.kernel_regularizer`` on a built layer does nothing; setting the
    variable's does, but is forgotten by every way of saving. A model that calls this
    in its constructor and keeps the regulariser in its config keeps the penalty.

    Args:
        backbone: a built backbone, already adapted and frozen.
        regularizer: one regulariser for all kernels that train, a sequence of such
            (they add up), {path pattern: one or several}, or None.
        anchors: the layer, owned by the same model, that keeps anchor values.
        name: the argument's name, for errors.

    Raises:
        InputError: nothing matches; patterns overlap; a pattern matches a frozen
            weight; the backbone is already penalised by another model.
    """
    if any(v.regularizer is not None for v in backbone.trainable_variables):
        raise InputError(
            "this backbone already belongs to a model with penalties; load it anew"
        )
    by_path = {v.path: v for v in backbone.trainable_variables}
    sets: dict[str, BoundSet] = {}
    rules: dict[str, Sequence[Any]] = {}
    if isinstance(regularizer, Mapping):
        rules = {
            path: several(found)
            for path, found in _by_pattern(backbone, regularizer, name).items()
        }
    else:
        given = several(regularizer)
        on_each = [one for one in given if not isinstance(one, SetPenalty)]
        for penalty in given:
            if isinstance(penalty, SetPenalty):
                key = type(penalty).__name__ + (f"_{len(sets)}" if sets else "")
                try:
                    sets[key] = penalty.bound_to(by_path)
                except InputError as error:
                    raise InputError(f"`{name}`: {error}") from error
        if on_each:
            rules = {v.path: on_each for v in kernels(by_path.values())}
            if not rules:
                raise InputError(_no_kernel(backbone, name))
    depth = blocks_above(backbone)
    attached = {}
    for path, each in rules.items():
        place = _Place(by_path[path], anchors, depth)
        rule = as_one([bound(one, place) for one in each])
        _try(rule, by_path[path], name)
        attached[path] = rule
    for path, rule in attached.items():  # all of them, or none
        by_path[path].regularizer = rule
    return Penalties(attached, sets)


def _by_pattern(backbone: Any, rules: Mapping[str, Any], name: str) -> dict[str, Any]:
    """One rule for each matched path, all of which train."""
    found = assign(name, backbone.weights, rules)
    trained = {v.path for v in backbone.trainable_variables}
    frozen = [path for path in found if path not in trained]
    if frozen:
        raise InputError(
            f"`{name}`: {frozen[0]!r} is frozen, and a penalty on a frozen weight "
            f"does nothing ({len(frozen)} such weights)"
        )
    return found


def _no_kernel(backbone: Any, name: str) -> str:
    """Why a single regulariser has nothing to act on, and what there is instead."""
    others = [variable.path for variable in backbone.trainable_variables[:2]]
    reach = f"; what trains is reached by patterns: {', '.join(others)}, ..."
    return f"`{name}`: the backbone has no kernel that trains{reach if others else ''}"


def _try(rule: Any, variable: Any, name: str) -> None:
    """Compute the penalty once: Keras's orthogonal one takes matrices only, say."""
    try:
        rule(variable)
    except Exception as error:  # of a regulariser of the user's own, anything
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"`{name}`: {type(rule).__name__} cannot penalise {variable.path!r}, "
            f"{len(variable.shape)} axes: {reason}"
        ) from error
