"""Choosing variables by the path they have in their model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from tfreg._checks import InputError

V = TypeVar("V")


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Whether a whole path fits one of the patterns (``*`` crosses ``/``)."""
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def select(variables: Iterable[Any], pattern: str) -> list[Any]:
    """The variables whose whole path fits a pattern, in the given order.

    Patterns are those of `fnmatch`: ``*/query/kernel``, ``transformer_layer_1/*``,
    ``token_embedding/embeddings``. Ranks and shapes never decide: attention biases
    have rank 2.
    """
    return [variable for variable in variables if fnmatchcase(variable.path, pattern)]


def kernels(variables: Iterable[Any]) -> list[Any]:
    """The variables that multiply activations: their path ends in ``/kernel``."""
    return select(variables, "*/kernel")


def assign(name: str, variables: Iterable[Any], rules: Mapping[str, V]) -> dict[str, V]:
    """One rule for each matched path; every pattern must match, and none twice.

    Args:
        name: the argument the rules came from, for errors.
        variables: the variables to choose from.
        rules: {pattern: rule}.

    Returns:
        {path: rule}, in the order of the variables.

    Raises:
        InputError: a pattern matches nothing, or two patterns match one path.
    """
    variables = list(variables)
    owner: dict[str, str] = {}
    for pattern in rules:
        found = select(variables, pattern)
        if not found:
            some = ", ".join(variable.path for variable in kernels(variables)[:4])
            raise InputError(
                f"`{name}`: the pattern {pattern!r} matches no weight; "
                f"paths look like {some}"
            )
        for variable in found:
            if variable.path in owner:
                raise InputError(
                    f"`{name}`: the patterns {owner[variable.path]!r} and {pattern!r} "
                    f"both match {variable.path!r}"
                )
            owner[variable.path] = pattern
    return {v.path: rules[owner[v.path]] for v in variables if v.path in owner}
