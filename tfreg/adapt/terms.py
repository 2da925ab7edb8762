"""The penalties of a recipe, one by one, where they act in a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tfreg._checks import InputError
from tfreg.adapt.depth import blocks_above
from tfreg.regularizers.combined import several
from tfreg.regularizers.scaled import short_name
from tfreg.regularizers.set_penalty import SetPenalty
from tfreg.selection import assign, select

HEAD, BACKBONE = "kernel_regularizer", "backbone_regularizer"


class Term(NamedTuple):
    """One penalty of a recipe on one weight, or on one set of weights.

    Args:
        field: of the recipe.
        pattern: its key there, where the field holds a mapping.
        place: its place there, where there is a list.
        written: the penalty as it stands there.
        path: of the weight; of a set the name that the model has for it.
        acting: the penalty as it acts there, for the weight alone; of a set None.
        level: the depth of the weight by name; None in the head and for sets.
        blocks_above: of the weight; 0 in the head and for sets.
    """

    field: str
    pattern: str | None
    place: int
    written: Any
    path: str
    acting: Any
    level: str | None = None
    blocks_above: int = 0

    @property
    def key(self) -> tuple[str, str | None, int]:
        """Where it is written."""
        return self.field, self.pattern, self.place


def terms_of(model: Any) -> list[Term]:
    """All penalties of a model's two fields, in the order of the recipe.

    (Not those of an adapter or a head of its own, which are written in these.)
    """
    return _of_head(model) + _of_backbone(model)


def _of_head(model: Any) -> list[Term]:
    inside = {variable.path for variable in model.backbone.variables}
    held = [
        variable.path
        for variable in select(model.trainable_variables, "*/kernel")
        if variable.regularizer is not None and variable.path not in inside
    ]
    return [
        Term(HEAD, None, place, one, path, one)
        for path in held
        for place, one in enumerate(several(model.recipe.kernel_regularizer))
    ]


def _of_backbone(model: Any) -> list[Term]:
    backbone, written = model.backbone, model.recipe.backbone_regularizer
    if isinstance(written, Mapping):
        rules = {p: (p, several(one)) for p, one in written.items()}
        by_path = assign(BACKBONE, backbone.weights, rules)
    else:
        by_path = {path: (None, several(written)) for path in model.penalties}
    depth = blocks_above(backbone) or {}
    levels = len(getattr(backbone, "transformer_layers", None) or [])
    found = []
    for path, (pattern, those) in by_path.items():
        single = [
            (i, one) for i, one in enumerate(those) if not isinstance(one, SetPenalty)
        ]
        rule = model.penalties[path]
        acting = [rule] if len(single) == 1 else rule.regularizers
        above = depth.get(path, 0)
        level = "embeddings" if above == levels else f"block_{levels - 1 - above}"
        found += [
            Term(BACKBONE, pattern, i, one, path, act, level, above)
            for (i, one), act in zip(single, acting)
        ]
    if not isinstance(written, Mapping):
        sets = [
            (i, x) for i, x in enumerate(several(written)) if isinstance(x, SetPenalty)
        ]
        found += [  # the first sets of a model are those of this field, in its order
            Term(BACKBONE, None, i, one, name, None)
            for (i, one), name in zip(sets, model.set_penalties)
        ]
    return found


class Named(NamedTuple):
    """A penalty with what it is called.

    Args:
        kind: its class in small letters; in the backbone with ``backbone_`` before it
            where the head has one of the same class.
        name: of the strength that it has its part in.
        term: the penalty.
    """

    kind: str
    name: str
    term: Term


def named(terms: Sequence[Term], per: str | None) -> list[Named]:
    """Terms with their names.

    Args:
        terms: all of a model.
        per: ``"penalty"`` or None, a strength a kind; ``"group"``, one for each penalty
            as it is written; ``"depth"``, one a kind and depth (of those in the head
            and on sets, one a kind).
    """
    of_head = {short_name(t.written) for t in terms if t.field == HEAD}
    owners: dict[str, Any] = {}
    found = []
    for term in terms:
        kind = name = short_name(term.written)
        if term.field == BACKBONE and kind in of_head:
            kind = name = f"backbone_{kind}"
        if per == "depth" and term.level is not None:
            name = f"{kind}/{term.level}"
        elif per == "group":
            name = kind if term.pattern is None else f"{kind}/{term.pattern}"
            if owners.setdefault(name, term.key) != term.key:
                name = f"{name}_{term.place}"
        found.append(Named(kind, name, term))
    return found


def choose(
    argument: str, found: Sequence[Named], penalties: Sequence[str] | None
) -> list[Named]:
    """Those whose kinds are asked for; all by default.

    Raises:
        InputError: there is none, or a name that no penalty has.
    """
    known = list(dict.fromkeys(one.kind for one in found))
    if not found:
        raise InputError(
            f"`{argument}`: the model has no penalty; build it with "
            "`backbone_regularizer=` or `kernel_regularizer=`"
        )
    if penalties is not None and not penalties:
        raise InputError(
            "`penalties` must name at least one, or be None for all; the model has "
            + ", ".join(known)
        )
    for name in penalties or ():
        if name not in known:
            raise InputError(
                f"`penalties`: the model has no {name!r}; it has {', '.join(known)}"
            )
    return [one for one in found if penalties is None or one.kind in penalties]
