"""The pictures of a path: scores, and the head's weights, against the strength."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tfreg._figures import INK, finish, new_figure

_LINES = 200  # weights drawn one by one; of more the largest


def draw_scores(path: Any, file: Path) -> None:
    """Dev score against λ, with what is within one standard error of the best."""
    figure = new_figure(6.4, 4.2)
    axes = figure.add_subplot()
    axes.plot(path.strengths, path.scores, marker=".", linewidth=1)
    best = path.scores[path.strengths.index(path.best)]
    axes.axhspan(best - path.error, best + path.error, alpha=0.15, linewidth=0)
    for name, strength, style in (
        ("best", path.best, "-"),
        ("within one standard error", path.simplest, "--"),
    ):
        axes.axvline(
            strength, linestyle=style, color=INK, label=f"{name}: {strength:.2g}"
        )
    axes.set(
        xscale="log", xlabel=f"λ of {path.penalty}", ylabel=f"dev {path.monitor[0]}"
    )
    axes.grid(alpha=0.3)
    axes.legend()
    finish(figure, file)


def draw_coefficients(path: Any, file: Path) -> None:
    """Each of the head's weights against λ."""
    weights = np.reshape(path.kernels, (len(path.strengths), -1))
    sizes = np.abs(weights).max(axis=0)
    shown = np.argsort(-sizes)[:_LINES]
    figure = new_figure(6.4, 4.2)
    axes = figure.add_subplot()
    axes.plot(path.strengths, weights[:, shown], linewidth=0.6, alpha=0.6)
    axes.axvline(path.best, color=INK, label=f"best: {path.best:.2g}")
    which = f"the {len(shown)} largest of " if len(shown) < len(sizes) else ""
    axes.set(
        xscale="log",
        xlabel=f"λ of {path.penalty}",
        ylabel="weight",
        title=f"{which}{len(sizes)} weights of the head",
    )
    axes.grid(alpha=0.3)
    axes.legend()
    finish(figure, file)
