"""Strengths of penalties that change in a fit: attached, named, and written down."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from keras import ops

from tfreg import _compat
from tfreg._checks import InputError
from tfreg.adapt.freeze import blocks
from tfreg.adapt.terms import BACKBONE, HEAD, Named, choose, named, terms_of
from tfreg.heads.head import make_head
from tfreg.optimizers.proximal import proximal_strength
from tfreg.recipe import Recipe
from tfreg.regularizers.combined import as_one, several
from tfreg.regularizers.live import Live, product
from tfreg.regularizers.scaled import at_depth, number_of, scaled
from tfreg.selection import select


class Strength(NamedTuple):
    """A strength that changes, and what it is the strength of.

    Args:
        name: in logs, after ``strength/``.
        variables: all weights that its penalties act on.
        penalty: gives the sum of its penalties now, their strength included.
        number: gives the strength now: the number that its penalties have in common,
            times what was learned and is scheduled; or that factor alone, where they
            have several numbers.
    """

    name: str
    variables: tuple[Any, ...]
    penalty: Callable[[], Any]
    number: Callable[[], float]


def learned_strengths(
    model: Any, per: str, penalties: Sequence[str] | None
) -> list[Strength]:
    """Have a model's strengths in variables, to be learned.

    Raises:
        InputError: no such penalties, or proximal ones; by depth, blocks that are
            shared or a penalty on all of them; the model has learned others.
    """
    if per == "depth":
        blocks(model.backbone, "per")  # or it says that they are shared
    found = named(terms_of(model), per)
    chosen = choose("AdaptiveStrength", found, penalties)
    _refuse_proximal("AdaptiveStrength", model, chosen)
    sets = [one.term.written for one in found if one.term.acting is None]
    if sets and per == "depth" and any(one.term.field == BACKBONE for one in chosen):
        raise InputError(
            f"`per`='depth': {type(sets[0]).__name__} acts on all blocks together, and "
            "does not go with numbers by depth; use 'penalty' or 'group'"
        )
    if model.strengths.learn_by(per, [one.name for one in chosen]):
        attach_strengths(model)
    return _strengths(model, chosen, per)


def scheduled_strengths(model: Any, penalties: Sequence[str] | None) -> list[Strength]:
    """Have a schedule's factors on a model's penalties, by kind.

    Raises:
        InputError: no such penalties, or proximal ones.
    """
    found = named(terms_of(model), None)
    chosen = choose("StrengthSchedule", found, penalties)
    _refuse_proximal("StrengthSchedule", model, chosen)
    if model.strengths.share_out([one.kind for one in chosen]):
        attach_strengths(model)
    return _strengths(model, chosen, None)


def attach_strengths(model: Any) -> None:
    """Put what a model's strengths say on its penalties, and trace its step anew."""
    variables = {v.path: v for v in model.trainable_variables}
    rules = defaultdict(list)
    own = make_head(model.recipe.head).penalty
    if own is not None:  # it has no place in the recipe's fields, and a fixed strength
        rules[model.projection.kernel.path].append(own)
    for kind, name, term in named(terms_of(model), model.strengths.per):
        factors = model.strengths.factors(kind, name)
        if term.acting is None:
            model.set_penalties[term.path].factors = tuple(factors)
        else:
            live = Live(term.acting, factors) if factors else term.acting
            rules[term.path].append(live)
    for path, those in rules.items():
        variables[path].regularizer = as_one(those)
    _compat.renew_step(model)


def learned_recipe(model: Any) -> Recipe:
    """A model's recipe, with what it has learned of its strengths as plain numbers."""
    per = model.strengths.per
    if per is None:
        return model.recipe
    factors = {
        name: float(ops.convert_to_numpy(model.strengths.learned(name)()))
        for name in model.strengths.names
    }
    found = [one for one in named(terms_of(model), per) if one.name in factors]
    recipe = model.recipe
    by_depth = per == "depth" and any(term.level for _, _, term in found)
    # By depth a key has several names; its field is written anew below.
    by_key = {term.key: factors[name] for _, name, term in found}
    fields = {
        HEAD: _rescaled(HEAD, recipe.kernel_regularizer, by_key),
        BACKBONE: (
            _by_weight(model, factors)
            if by_depth
            else _rescaled(BACKBONE, recipe.backbone_regularizer, by_key)
        ),
    }
    return replace(recipe, **fields)


def _strengths(model: Any, chosen: Sequence[Named], per: str | None) -> list[Strength]:
    groups: dict[str, list[Named]] = defaultdict(list)
    for one in chosen:
        groups[one.name].append(one)
    return [_strength(model, name, those, per) for name, those in groups.items()]


def _strength(
    model: Any, name: str, those: Sequence[Named], per: str | None
) -> Strength:
    variables = {v.path: v for v in model.trainable_variables}
    held, parts = {}, []
    for kind, _, term in those:
        if term.acting is None:
            bound = model.set_penalties[term.path]
            held.update(bound.weights)
            parts.append(bound)
        else:
            variable = held[term.path] = variables[term.path]

            def part(kind: str = kind, term: Any = term, on: Any = variable) -> Any:
                # Looked up when it acts: a schedule may come later in the same fit.
                return Live(term.acting, model.strengths.factors(kind, name))(on)

            parts.append(part)
    numbers = {
        number_of(
            at_depth(term.written, term.blocks_above)
            if per == "depth"
            else term.written
        )
        for _, _, term in those
    }
    common = numbers.pop() if len(numbers) == 1 else None
    kind = those[0].kind

    def number() -> float:
        factor = product(model.strengths.factors(kind, name))
        return (1.0 if common is None else common) * float(ops.convert_to_numpy(factor))

    def penalty() -> Any:
        return sum(part() for part in parts)

    return Strength(name, tuple(held.values()), penalty, number)


def _refuse_proximal(argument: str, model: Any, chosen: Sequence[Named]) -> None:
    """Refuse strengths that act by another step than the gradient's.

    Raises:
        InputError: saying which.
    """
    by_step = {
        path
        for bound in model.set_penalties.values()
        if bound.shrink
        for path in bound.weights
    }
    by_step |= {
        v.path for v in model.trainable_variables if proximal_strength(v.regularizer)
    }
    for kind, _, term in chosen:
        held = [term.path]
        if term.acting is None:
            held = list(model.set_penalties[term.path].weights)
        if by_step.intersection(held):
            raise InputError(
                f"`{argument}`: a proximal penalty, which acts by a step of its own "
                f"and not by its gradient, is on weights of {kind!r}; choose others "
                "by `penalties`"
            )


def _rescaled(
    field: str, written: Any, factors: Mapping[Any, float], pattern: str | None = None
) -> Any:
    """A field, or what is written for one pattern of it, with other numbers."""
    if isinstance(written, Mapping):
        return {p: _rescaled(field, one, factors, p) for p, one in written.items()}
    changed = []
    for place, one in enumerate(several(written)):
        factor = factors.get((field, pattern, place))  # None: it was not learned
        changed.append(one if factor is None else scaled(one, factor))
    if written is None or isinstance(written, (list, tuple)):
        return tuple(changed) or None
    return changed[0]


def _by_weight(model: Any, factors: Mapping[str, float]) -> dict[str, Any]:
    """The backbone's penalties as a mapping, by layer where these are all alike."""
    found = [n for n in named(terms_of(model), "depth") if n.term.field == BACKBONE]
    by_path: dict[str, list[Any]] = defaultdict(list)
    keys: dict[str, list[Any]] = defaultdict(list)
    for _, name, term in found:
        plain = at_depth(term.written, term.blocks_above)
        factor = factors.get(name)
        by_path[term.path].append(plain if factor is None else scaled(plain, factor))
        keys[term.path].append((name, term.key))
    alike: dict[Any, list[str]] = defaultdict(list)
    for path, key in keys.items():
        alike[path.partition("/")[0], tuple(key)].append(path)
    rules: dict[str, Any] = {}
    for (layer, _), paths in alike.items():
        those = by_path[paths[0]]
        rule = those[0] if len(those) == 1 else tuple(those)
        rules |= dict.fromkeys(_patterns(model, layer, paths), rule)
    return rules


def _patterns(model: Any, layer: str, paths: list[str]) -> list[str]:
    """One pattern for some weights of a layer, if there is one; else their paths."""
    for pattern in (f"{layer}/*", f"{layer}/*kernel"):
        if {w.path for w in select(model.backbone.weights, pattern)} == set(paths):
            return [pattern]
    return paths
