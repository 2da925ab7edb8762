"""Paths of fine-tuned encoders: each fit goes on from the stronger one before it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfreg import _compat
from tfreg._checks import InputError
from tfreg.data.corpus import Corpus
from tfreg.recipe import SHORT_NAMES, Recipe
from tfreg.runs import score
from tfreg.runs.fit import build
from tfreg.tuning.path import PathPoint, RegularizationPath
from tfreg.tuning.standard_error import standard_error


def warm_path(
    corpus: Corpus,
    preset: Any,
    recipe: Recipe,
    penalty: str,
    strengths: Sequence[float],
    *,
    feature_cache: Any,
    verbose: Any,
) -> RegularizationPath:
    """The path of a fine-tuned encoder; see `regularization_path`.

    Only the best model's weights are kept.

    Raises:
        InputError: as the builders and `fit`.
    """
    assert corpus.dev is not None
    field = SHORT_NAMES[penalty][0]
    recipes = [
        Recipe.from_options({**recipe.to_json(), penalty: strength})
        for strength in strengths
    ]
    points: list[PathPoint] = []
    weights: dict[str, Any] = {}
    best: tuple[float, int, dict[str, Any], Any] | None = None
    model = build(corpus, preset, recipes[0])
    train, dev = model.encode(corpus.train), model.encode(corpus.dev)
    metric, mode = model.monitor
    for place, one in enumerate(recipes):
        started = time.perf_counter()
        if place:
            model = build(corpus, preset, one)
            _give(weights, model)
        model.fit(
            train, validation_data=dev, verbose=verbose, feature_cache=feature_cache
        )
        weights = _taken(model)
        outcome = score(model, corpus.dev, dev, feature_cache)
        points.append(
            PathPoint(
                strengths[place],
                outcome.scores(),
                _zeros(model, field),
                seconds=time.perf_counter() - started,
            )
        )
        value = points[-1].scores[metric] * (1 if mode == "max" else -1)
        if best is None or value > best[0]:
            best = (value, place, weights, outcome)
    assert best is not None
    _, kept, kept_weights, outcome = best

    def build_one(place: int) -> Any:
        if place != kept:
            raise InputError(
                "the weights of a fine-tuned path are kept at its best strength, "
                f"{strengths[kept]:g}, only; fit `path.recipe({strengths[place]:g})`"
            )
        made = build(corpus, preset, recipes[place])
        _give(kept_weights, made)
        return made

    return RegularizationPath(
        penalty, tuple(points), model.monitor, standard_error(outcome, metric),
        tuple(recipes), None, build_one,
    )  # fmt: skip


def _taken(model: Any) -> dict[str, Any]:
    """What a fit changed, by path; what is pretrained and stands still is left out."""
    preset = {id(weight) for weight in model.backbone.weights if not weight.trainable}
    return {
        weight.path: _compat.as_numpy(weight)
        for weight in model.weights
        if id(weight) not in preset
    }


def _give(weights: dict[str, Any], model: Any) -> None:
    for weight in model.weights:
        if weight.path in weights:
            weight.assign(weights[weight.path])


def _zeros(model: Any, field: str) -> float:
    """Share of the weights a field penalises that are exactly 0."""
    layer = model.backbone if field == "backbone_regularizer" else model.logits
    held = [
        w for w in layer.trainable_weights if w.path in model.penalties or w.regularizer
    ]
    values = [np.ravel(_compat.as_numpy(weight)) for weight in held]
    return float(np.mean(np.concatenate(values) == 0)) if values else 0.0
