"""The pictures of a search."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from tfreg._figures import INK, finish, new_figure, score_colors
from tfreg.recipe import SHORT_NAMES


def draw_search(result: Any, folder: Path) -> None:
    """Score against each setting, against time, by pairs, and all settings together.

    Writes ``score_NAME.png`` for each setting searched, ``progress.png``,
    ``map_NAME.png`` for each strength searched along with the dropout, and
    ``parallel.png``.
    """
    trials = [trial for trial in result.trials if trial.rounds]
    if not trials:
        return
    names = list(trials[0].values)
    for name in names:
        _draw_against(result, trials, name, folder / f"score_{name}.png")
    _draw_progress(result, trials, folder / "progress.png")
    for name in names:
        if name in SHORT_NAMES and "dropout" in names:
            _draw_map(result, trials, name, "dropout", folder / f"map_{name}.png")
    if len(names) > 1:
        _draw_parallel(result, trials, names, folder / "parallel.png")


def _draw_against(result: Any, trials: list[Any], name: str, file: Path) -> None:
    figure = new_figure(6.4, 4.2)
    axes = figure.add_subplot()
    values = _values(trials, name)
    scores, errors = _scores(result, trials)
    axes.errorbar(values, scores, yerr=errors, fmt="o", markersize=4, capsize=2)
    for number, baseline in enumerate(result.baselines):
        axes.axhline(
            result.score(baseline),
            linestyle=("-", "--")[number % 2],
            color=INK,
            label=baseline.name,
        )
    _log_axis(axes.set_xscale, values)
    axes.set(xlabel=name, ylabel=f"dev {result.metric}")
    axes.grid(alpha=0.3)
    axes.legend()
    finish(figure, file)


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
    finish(figure, file)


def _draw_map(result: Any, trials: list[Any], x: str, y: str, file: Path) -> None:
    figure = new_figure(6.4, 4.8)
    axes = figure.add_subplot()
    scores, _ = _scores(result, trials)
    values = _values(trials, x)
    points = axes.scatter(
        values, _values(trials, y), c=scores, cmap=score_colors(), s=60
    )
    figure.colorbar(points, ax=axes, label=f"dev {result.metric}")
    _log_axis(axes.set_xscale, values)
    axes.set(xlabel=x, ylabel=y)
    axes.grid(alpha=0.3)
    finish(figure, file)


def _draw_parallel(
    result: Any, trials: list[Any], names: list[str], file: Path
) -> None:
    """A line a trial through an axis a setting; the better the score, the redder."""
    figure = new_figure(1.8 + 1.6 * len(names), 4.2)
    axes = figure.add_subplot()
    scores, _ = _scores(result, trials)
    columns = {name: _values(trials, name) for name in names}
    columns[f"dev {result.metric}"] = scores
    heights = np.array([_as_shares(values) for values in columns.values()])
    colors = score_colors()
    shades = heights[-1] if result.mode == "max" else 1 - heights[-1]
    for trial in np.argsort(shades):
        shade = colors(shades[trial])
        axes.plot(range(len(columns)), heights[:, trial], color=shade)
    for place, values in enumerate(columns.values()):
        for height, value in dict(zip(heights[place], values)).items():
            if height in (0, 1) or isinstance(value, str):
                text = value if isinstance(value, str) else f"{value:.3g}"
                axes.annotate(
                    text, (place, height), (0, -11 if height < 0.5 else 5),
                    textcoords="offset points", ha="center", fontsize=8,
                )  # fmt: skip
    axes.set_xticks(range(len(columns)), list(columns))
    axes.set(ylim=(-0.08, 1.08), yticks=[])
    axes.grid(alpha=0.3, axis="x")
    finish(figure, file)


def _scores(result: Any, trials: list[Any]) -> tuple[list[float], list[float]]:
    return [result.score(t) for t in trials], [result.error(t) for t in trials]


def _values(trials: list[Any], name: str) -> list[Any]:
    """Of a setting: numbers, or all as text where one is."""
    values = [trial.values[name] for trial in trials]
    texts = any(isinstance(value, str) for value in values)
    return [str(value) for value in values] if texts else values


def _is_log(values: list[Any]) -> bool:
    """Whether values lie so far apart that only their logarithms can be shown."""
    if isinstance(values[0], str):
        return False
    return min(values) > 0 and max(values) / min(values) > 30


def _log_axis(set_scale: Any, values: list[Any]) -> None:
    if _is_log(values):
        set_scale("log")


def _as_shares(values: list[Any]) -> list[float]:
    """Values between 0, the lowest, and 1, the highest; texts at equal distances."""
    if isinstance(values[0], str):
        values = np.unique(values, return_inverse=True)[1].tolist()
    logs = [math.log(v) for v in values] if _is_log(values) else values
    low, high = min(logs), max(logs)
    return [0.5 if high == low else (v - low) / (high - low) for v in logs]
