"""What a search found: its trials, the baselines, and which to take."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from tfreg.recipe import SHORT_NAMES, Recipe
from tfreg.tuning.space import recipe_of
from tfreg.tuning.standard_error import jackknife


@dataclass(frozen=True)
class Trial:
    """One recipe that was judged.

    Args:
        name: its number, or ``"default"`` or ``"zero"`` of a baseline.
        values: of the settings that were searched.
        rounds: scores of each fit, by name; empty where it failed.
        left_out: the dev score of each fit without each of some groups of rows (see
            `leaving_out`); empty where the fits are of folds.
        epochs: that Hyperband gave it, or None.
        seconds: of all its fits.
        at: when it ended, in seconds since 1970.
        message: why it failed, or "".
    """

    name: str
    values: dict[str, Any]
    rounds: tuple[dict[str, float], ...]
    left_out: tuple[tuple[float, ...], ...] = ()
    epochs: int | None = None
    seconds: float = 0.0
    at: float = 0.0
    message: str = ""

    def scores(self, metric: str) -> list[float]:
        """The score of each fit."""
        return [one[metric] for one in self.rounds]


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The trials of a search, and which of them to take.

    Args:
        metric: the dev score that judges, free of penalties.
        mode: ``"max"`` or ``"min"``.
        trials: those the search chose, in their order.
        baselines: the recipe all share (``"default"``), and the same without any of
            the penalties and objectives searched (``"zero"``).
        shared: the recipe all share.
    """

    metric: str
    mode: str
    trials: tuple[Trial, ...]
    baselines: tuple[Trial, ...]
    shared: Recipe = field(repr=False)

    def score(self, trial: Trial) -> float:
        """Mean over its fits."""
        return fmean(trial.scores(self.metric))

    def error(self, trial: Trial) -> float:
        """Standard error of that: over fits, and over the dev rows they share."""
        return _error(trial.scores(self.metric), trial.left_out)

    @property
    def _sign(self) -> int:
        return 1 if self.mode == "max" else -1

    @property
    def judged(self) -> list[Trial]:
        """All that did not fail, baselines first."""
        return [trial for trial in (*self.baselines, *self.trials) if trial.rounds]

    @property
    def best(self) -> Trial:
        """The best mean score; of several the first, where baselines come first."""
        return max(self.judged, key=lambda trial: self._sign * self.score(trial))

    @property
    def simplest(self) -> Trial:
        """Of those within one standard error of the best, the most regularised.

        That is the one with the largest product of the strengths searched, of several
        the best; where none are searched, a baseline, or else the best.
        """
        least = self._sign * self.score(self.best) - self.error(self.best)
        near = [t for t in self.judged if self._sign * self.score(t) >= least]
        return max(near, key=lambda t: (*_strength(t), self._sign * self.score(t)))

    def recipe(self, trial: Trial | None = None) -> Recipe:
        """The recipe of a trial, by default of the best."""
        trial = self.best if trial is None else trial
        return recipe_of(trial.values, self.shared)

    def gap(self, baseline: Trial) -> tuple[float, float]:
        """How much better the best is than a baseline, and its standard error.

        Of differences in pairs: fits of the same seed or fold, and the same dev rows.
        """
        scores = (trial.scores(self.metric) for trial in (self.best, baseline))
        gaps = [self._sign * (one - other) for one, other in zip(*scores)]
        left_out = [
            [one - other for one, other in zip(*pair)]
            for pair in zip(self.best.left_out, baseline.left_out)
        ]
        return fmean(gaps), _error(gaps, left_out)

    def verdict(self) -> list[str]:
        """Whether the best differs from the baselines, a line each."""
        lines = []
        for baseline in self.baselines:
            if baseline is self.best:
                lines.append(f"no trial is better than {_NAMES[baseline.name]}")
                continue
            gap, error = self.gap(baseline)
            word = "more" if gap > error else "not more"
            lines.append(
                f"the best is {gap:+.4f} better than {_NAMES[baseline.name]}: {word} "
                f"than its standard error, {error:.4f}"
            )
        return lines

    def write(self, folder: str | os.PathLike[str]) -> None:
        """Write ``trials.csv``, both recipes, and the pictures."""
        from tfreg.tuning.search_pictures import draw_search

        folder = Path(folder)
        self._write_table(folder / "trials.csv")
        for name, trial in (("best", self.best), ("simplest", self.simplest)):
            text = json.dumps(self.recipe(trial).to_json(), indent=2)
            (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        draw_search(self, folder)

    def _write_table(self, path: Path) -> None:
        names = list(dict.fromkeys(n for t in self.trials for n in t.values))
        scores = list(self.judged[0].rounds[0])
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            heads = [f"{self.metric}_error", *scores, "fits", "seconds", "message"]
            writer.writerow(["trial", *names, "epochs", *heads])
            for trial in (*self.baselines, *self.trials):
                row = [trial.name, *(trial.values.get(name, "") for name in names)]
                row.append(trial.epochs or "")
                if trial.rounds:
                    row.append(self.error(trial))
                    row += [fmean(trial.scores(name)) for name in scores]
                else:
                    row += [""] * (len(scores) + 1)
                writer.writerow([*row, len(trial.rounds), trial.seconds, trial.message])


_NAMES = {
    "default": "the default recipe",
    "zero": "the same without the penalties searched",
}


def _strength(trial: Trial) -> tuple[float, bool]:
    strengths = {k: v for k, v in trial.values.items() if k in SHORT_NAMES}
    product = sum(math.log(v) if v else -math.inf for v in strengths.values())
    return (product if strengths else -math.inf, trial.name in _NAMES)


def _error(fits: Sequence[float], left_out: Sequence[Sequence[float]]) -> float:
    """Of a mean over fits: what they differ by, and, where rows are shared, of rows."""
    of_fits = stdev(fits) / math.sqrt(len(fits)) if len(fits) > 1 else 0.0
    of_rows = jackknife([fmean(group) for group in zip(*left_out)]) if left_out else 0.0
    return math.hypot(of_fits, of_rows)


def read_trial(
    name: str,
    rounds: list[Mapping[str, Any]],
    values: Mapping[str, Any],
    message: str = "",
    epochs: int | None = None,
) -> Trial:
    """A trial from what was written down of its fits, which do not judge a failed one.

    A mean over those of its fits that ended is no score of a recipe of which others
    diverge.
    """
    judging = [] if message else rounds
    return Trial(
        name,
        dict(values),
        tuple(dict(one["scores"]) for one in judging),
        tuple(tuple(one["left_out"]) for one in judging if one["left_out"]),
        epochs,
        round(sum(one["seconds"] for one in rounds), 2),
        max((one["at"] for one in rounds), default=0.0),
        message,
    )
