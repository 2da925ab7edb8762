"""Which strength a path chooses, and what it writes."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from tfreg._checks import InputError
from tfreg.recipe import Recipe
from tfreg.tuning import PathPoint, RegularizationPath

STRENGTHS = (1.0, 0.1, 0.01, 0.001)


def path(scores, error=0.0, mode="max"):
    points = [
        PathPoint(λ, {"accuracy": s}, 0.5, 2.0) for λ, s in zip(STRENGTHS, scores)
    ]
    recipes = [Recipe.from_options({"l2": λ}) for λ in STRENGTHS]
    kernels = np.zeros((4, 3, 2))
    return RegularizationPath(
        "l2", tuple(points), ("accuracy", mode), error, tuple(recipes), kernels,
        lambda place: f"model {place}",
    )  # fmt: skip


def test_the_best_and_the_strongest_within_one_standard_error():
    found = path([0.5, 0.78, 0.8, 0.7], error=0.03)
    assert (found.best, found.simplest) == (0.01, 0.1)
    assert found.recipe().to_json() == Recipe.from_options({"l2": 0.01}).to_json()
    assert found.model() == "model 2" and found.model(1.0) == "model 0"


def test_a_stronger_one_beyond_a_dip_does_not_count():
    assert path([0.79, 0.5, 0.8, 0.7], error=0.03).simplest == 0.01


def test_of_equal_scores_the_strongest():
    assert path([0.5, 0.8, 0.8, 0.7]).best == 0.1


def test_where_less_is_better():
    found = path([0.5, 0.2, 0.1, 0.3], error=0.15, mode="min")
    assert (found.best, found.simplest) == (0.01, 0.1)


def test_a_strength_that_is_not_there():
    with pytest.raises(InputError, match="one of the path's, 1 to 0.001; got 0.5"):
        path([0.5, 0.8, 0.8, 0.7]).model(0.5)


def test_written(tmp_path):
    found = path([0.5, 0.78, 0.8, 0.7], error=0.03)
    found.write(tmp_path)
    with (tmp_path / "path.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["strength"]) for row in rows] == list(STRENGTHS)
    assert [float(row["accuracy"]) for row in rows] == [0.5, 0.78, 0.8, 0.7]
    assert rows[0]["seconds"] == ""
    for name, strength in (("best", 0.01), ("simplest", 0.1)):
        recipe = Recipe.from_json(json.loads((tmp_path / f"{name}.json").read_text()))
        assert recipe == Recipe.from_options({"l2": strength})
    for name in ("scores", "coefficients"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
