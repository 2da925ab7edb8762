"""Paths of a frozen encoder's head: all strengths as one convex problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tfreg._checks import InputError
from tfreg.data.corpus import Corpus
from tfreg.data.examples import Examples
from tfreg.functional.linear_losses import Sigmoid, Softmax, Squared
from tfreg.functional.linear_path import LinearPath, linear_path
from tfreg.heads.head import make_head
from tfreg.heads.linear import Linear
from tfreg.models.frozen_features import frozen_features
from tfreg.recipe import Recipe
from tfreg.runs import Outcome
from tfreg.runs.fit import build
from tfreg.tuning.path import PathPoint, RegularizationPath
from tfreg.tuning.standard_error import standard_error

_LOSSES = {
    "classify": Softmax(),
    "multilabel": Sigmoid(),
    "regress": Squared(),
    "tag": Softmax(),
}
_OFF = {
    "kernel_regularizer": None,
    "label_smoothing": 0.0,
    "multi_sample_dropout": 1,
    "objective": None,
    "augment": None,
}

_TO_THE_MINIMUM = {
    "dropout": 0.0,
    "weight_decay": 0.0,
    "learning_rate": 3e-2,
    "epochs": 20,
}
"""What a fit needs to come near the minimum of loss and penalty, a head being all that
trains; settings that are not the default recipe's are left alone."""


def convex_path(
    corpus: Corpus,
    preset: Any,
    recipe: Recipe,
    penalty: str,
    l1_ratio: float,
    strengths: Sequence[float],
    *,
    feature_cache: Any,
    tolerance: float,
    verbose: Any,
) -> RegularizationPath:
    """The path of the linear head on a frozen encoder; see `regularization_path`.

    Raises:
        InputError: a recipe whose head is not the minimum of a convex problem.
    """
    _check(recipe)
    assert corpus.dev is not None
    model = build(corpus, preset, recipe)
    train, dev = (
        frozen_features(model, model.encode(rows), feature_cache, verbose)
        for rows in (corpus.train, corpus.dev)
    )
    targets, mean, deviation = _targets(model, train.targets)
    # In units of the targets' deviation the loss is deviation² times as small.
    found = linear_path(
        train.values.astype("float64"),
        targets,
        _LOSSES[model.task],
        np.asarray(strengths) / deviation**2,
        l1_ratio=l1_ratio,
        tolerance=tolerance,
    )
    outcomes = [
        _outcome(model, corpus.dev, dev.values, found, place, mean, deviation)
        for place in range(len(strengths))
    ]
    points = [
        PathPoint(
            strength,
            outcome.scores(),
            float(np.mean(kernel == 0)),
            float(objective * deviation**2),
        )
        for strength, outcome, kernel, objective in zip(
            strengths, outcomes, found.kernels, found.objectives
        )
    ]
    recipes = [_recipe(recipe, strength, l1_ratio) for strength in strengths]

    def build_one(place: int) -> Any:
        made = build(corpus, preset, recipes[place])
        if made.task == "regress":
            made.target_scale.learn(train.targets)
        made.logits.kernel.assign(found.kernels[place])
        made.logits.bias.assign(found.intercepts[place])
        return made

    path = RegularizationPath(
        penalty, tuple(points), model.monitor, 0.0, tuple(recipes), found.kernels,
        build_one,
    )  # fmt: skip
    best = outcomes[path.strengths.index(path.best)]
    return replace(path, error=standard_error(best, model.monitor[0]))


def _check(recipe: Recipe) -> None:
    head = make_head(recipe.head)
    if not isinstance(head, Linear) or head.pooling == "attention":
        raise InputError(
            "a path over a frozen encoder needs the linear head, without weights "
            f"before its logits: no other problem is convex; got {recipe.head!r}"
        )
    for name, off in _OFF.items():
        if getattr(recipe, name) != off:
            raise InputError(
                f"`{name}` does not act on a path over a frozen encoder, which is the "
                "minimum of loss and penalty; leave it out, or fine-tune with "
                "`freeze=None`"
            )


def _targets(model: Any, targets: Any) -> tuple[np.ndarray, float, float]:
    """Targets as the losses take them, and the mean and deviation taken out."""
    if model.task in ("classify", "tag"):
        return np.eye(len(model.labels))[targets], 0.0, 1.0
    if model.task == "multilabel":
        return np.asarray(targets, "float64"), 0.0, 1.0
    numbers = np.asarray(targets, "float64")[:, None]
    mean, deviation = float(numbers.mean()), float(numbers.std()) or 1.0
    return (numbers - mean) / deviation, mean, deviation


def _outcome(
    model: Any,
    examples: Examples,
    values: np.ndarray,
    found: LinearPath,
    place: int,
    mean: float,
    deviation: float,
) -> Outcome:
    """What one model of the path says of the dev rows."""
    outputs: Any = values @ found.kernels[place] + found.intercepts[place]
    outputs = mean + deviation * outputs
    if model.task == "tag":
        ends = np.cumsum([len(sentence) for sentence in examples.inputs])
        outputs = np.split(outputs, ends[:-1])
    assert examples.targets is not None
    return Outcome(model.task, examples.targets, outputs, tuple(model.labels))


def _recipe(recipe: Recipe, strength: float, l1_ratio: float) -> Recipe:
    """The recipe of a fit that goes for the same minimum."""
    parts = {"proximal_l1": l1_ratio * strength, "l2": (1.0 - l1_ratio) * strength}
    given = {name: value for name, value in parts.items() if value}
    plain = Recipe()
    near = {
        name: value
        for name, value in _TO_THE_MINIMUM.items()
        if getattr(recipe, name) == getattr(plain, name)
    }
    return Recipe.from_options({**recipe.to_json(), **near, **given})
