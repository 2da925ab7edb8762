"""The pictures of a search."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from tfreg.recipe import SHORT_NAMES
from tfreg.runs.pictures import new_figure, save_figure


def draw_search(result: Any, folder: Path) -> None:
    """Score against each setting, against time, by pairs, and all settings together.

    Writes ``score_NAME.png`` for each setting searched that is a number,
    ``progress.png``, ``map.png`` (score over the first strength and the dropout), and
    ``parallel.png``.
    """
    trials = [trial for trial in result.trials if trial.rounds]
    if not trials:
        return
    names = [name for name, v in trials[0].values.items() if not isinstance(v, str)]
    for name in names:
        _draw_against(result, trials, name, folder / f"score_{name}.png")
    _draw_progress(result, trials, folder / "progress.png")
    strengths = [name for name in names if name in SHORT_NAMES]
    if strengths and "dropout" in names:
        _draw_map(result, trials, strengths[0], "dropout", folder / "map.png")
    if len(names) > 1:
        _draw_parallel(result, trials, names, folder / "parallel.png")


def _draw_against(result: Any, trials: list[Any], name: str, file: Path) -> None:
    figure = new_figure(6.4, 4.2)
    axes = figure.add_subplot()
    values = [trial.values[name] for trial in trials]
    scores, errors = _scores(result, trials)
    axes.errorbar(values, scores, yerr=errors, fmt="o", markersize=4, capsize=2)
    for number, baseline in enumerate(result.baselines):
        axes.axhline(
            result.score(baseline),
            linestyle=("-", "--")[number % 2],
            color="gray",
            label=baseline.name,
        )
    _log_axis(axes.set_xscale, values)
    axes.set(xlabel=name, ylabel=f"dev {result.metric}")
    axes.grid(alpha=0.3)
    axes.legend()
    save_figure(figure, file)


def _draw_progress(result: Any, trials: list[Any], file: Path) -> None:
    figure = new_figure(6.4, 4.2)
    axes = figure.add_subplot()
    done = sorted(trials, key=lambda trial: trial.at)
    minutes = np.cumsum([trial.seconds for trial in done]) / 60
    scores, errors = _scores(result, done)
    better = np.maximum if result.mode == "max" else np.minimum
    axes.errorbar(minutes, scores, yerr=errors, fmt="o", markersize=4, capsize=2)
    axes.step(minutes, better.accumulate(scores), where="post", label="best so far")
    axes.set(xlabel="minutes of fitting", ylabel=f"dev {result.metric}")
    axes.grid(alpha=0.3)
    axes.legend()
    save_figure(figure, file)


def _draw_map(result: Any, trials: list[Any], x: str, y: str, file: Path) -> None:
    figure = new_figure(6.4, 4.8)
    axes = figure.add_subplot()
    scores, _ = _scores(result, trials)
    values = [trial.values[x] for trial in trials]
    points = axes.scatter(
        values, [t.values[y] for t in trials], c=scores, cmap="viridis", s=60
    )
    figure.colorbar(points, ax=axes, label=f"dev {result.metric}")
    _log_axis(axes.set_xscale, values)
    axes.set(xlabel=x, ylabel=y)
    axes.grid(alpha=0.3)
    save_figure(figure, file)


def _draw_parallel(
    result: Any, trials: list[Any], names: list[str], file: Path
) -> None:
    """A line a trial through an axis a setting; the better the score, the brighter."""
    from matplotlib import colormaps

    figure = new_figure(1.8 + 1.6 * len(names), 4.2)
    axes = figure.add_subplot()
    columns = [_as_shares([trial.values[name] for trial in trials]) for name in names]
    scores, _ = _scores(result, trials)
    shades = _as_shares(scores if result.mode == "max" else [-s for s in scores])
    places = range(len(names) + 1)
    for row in np.argsort(shades):
        heights = [column[row] for column in columns]
        axes.plot(
            places, [*heights, shades[row]], color=colormaps["viridis"](shades[row])
        )
    axes.set_xticks(places, [*names, f"dev {result.metric}"], rotation=20, ha="right")
    axes.set_yticks([0, 1], ["lowest", "highest"])
    axes.grid(alpha=0.3, axis="x")
    save_figure(figure, file)


def _scores(result: Any, trials: list[Any]) -> tuple[list[float], list[float]]:
    return [result.score(t) for t in trials], [result.error(t) for t in trials]


def _is_log(values: list[float]) -> bool:
    """Whether values lie so far apart that only their logarithms can be shown."""
    return min(values) > 0 and max(values) / min(values) > 30


def _log_axis(set_scale: Any, values: list[float]) -> None:
    if _is_log(values):
        set_scale("log")


def _as_shares(values: list[float]) -> list[float]:
    """Values between 0, the lowest, and 1, the highest."""
    logs = [math.log(v) for v in values] if _is_log(values) else values
    low, high = min(logs), max(logs)
    return [0.5 if high == low else (v - low) / (high - low) for v in logs]
