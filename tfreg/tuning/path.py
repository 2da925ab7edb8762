"""What a regularisation path is: models along a strength, and which to take."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tfreg._checks import InputError
from tfreg.recipe import Recipe


@dataclass(frozen=True)
class PathPoint:
    """One fit of a path.

    Args:
        strength: λ.
        scores: of the dev rows, by name, free of the penalty.
        zeros: share of the penalised weights that are exactly 0.
        objective: training loss and penalty, where the fit is the exact minimum.
        seconds: it took, where it was a fit of its own.
    """

    strength: float
    scores: dict[str, float]
    zeros: float
    objective: float | None = None
    seconds: float | None = None


@dataclass(frozen=True, eq=False)
class RegularizationPath:
    """Fits along the strength of a penalty, strongest first, and their dev scores.

    Args:
        penalty: what it is called, as on the command line.
        points: one a strength.
        monitor: the score that chooses, and ``"max"`` or ``"min"``.
        error: standard error of that score at the best strength, over dev rows.
        recipes: one a strength, for a fit of its own.
        kernels: weights of the head, (strengths, width, outputs), where they are the
            exact minimum.
        build: the model of a point, by its place.
    """

    penalty: str
    points: tuple[PathPoint, ...]
    monitor: tuple[str, str]
    error: float
    recipes: tuple[Recipe, ...] = field(repr=False)
    kernels: Any = field(repr=False)
    build: Callable[[int], Any] = field(repr=False)

    @property
    def strengths(self) -> tuple[float, ...]:
        """λ of every point."""
        return tuple(point.strength for point in self.points)

    @property
    def scores(self) -> np.ndarray:
        """The score that chooses, at every point."""
        return np.array([point.scores[self.monitor[0]] for point in self.points])

    @property
    def best(self) -> float:
        """The strength with the best score; of several the strongest."""
        return self.strengths[self._best]

    @property
    def simplest(self) -> float:
        """The strongest that is reached from the best within one standard error of it.

        A score of a much stronger penalty that is high by chance does not count.
        """
        scores, place = self.scores, self._best
        while place and abs(scores[place - 1] - scores[self._best]) <= self.error:
            place -= 1
        return self.strengths[place]

    @property
    def _best(self) -> int:
        sign = 1 if self.monitor[1] == "max" else -1
        return int(np.argmax(sign * self.scores))

    def recipe(self, strength: float | None = None) -> Recipe:
        """The recipe of a strength, by default of the best."""
        return self.recipes[self._place(strength)]

    def model(self, strength: float | None = None) -> Any:
        """The model of a strength, by default of the best, ready to predict.

        Raises:
            InputError: no such strength, or its weights were not kept.
        """
        return self.build(self._place(strength))

    def _place(self, strength: float | None) -> int:
        if strength is None:
            return self._best
        if strength not in self.strengths:
            raise InputError(
                f"`strength` must be one of the path's, {self.strengths[0]:g} to "
                f"{self.strengths[-1]:g}; got {strength!r}"
            )
        return self.strengths.index(strength)

    def write(self, folder: str | os.PathLike[str]) -> None:
        """Write ``path.csv``, the recipes of both choices, and the pictures.

        Args:
            folder: an existing folder.
        """
        from tfreg.tuning.path_pictures import draw_coefficients, draw_scores

        folder = Path(folder)
        self._write_table(folder / "path.csv")
        for name, strength in (("best", self.best), ("simplest", self.simplest)):
            text = json.dumps(self.recipe(strength).to_json(), indent=2)
            (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        draw_scores(self, folder / "scores.png")
        if self.kernels is not None:
            draw_coefficients(self, folder / "coefficients.png")

    def _write_table(self, path: Path) -> None:
        names = list(self.points[0].scores)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["strength", *names, "zeros", "objective", "seconds"])
            for point in self.points:
                scores = [point.scores[name] for name in names]
                rest = [point.zeros, point.objective, point.seconds]
                writer.writerow([point.strength, *scores, *rest])
