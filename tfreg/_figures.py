"""The one style of all pictures: readable on a light page and on a dark one.

Figures are drawn without pyplot: no display, and no figure is left open.
"""

from __future__ import annotations

import warnings
from os import PathLike
from typing import Any

# In the middle between black and white: its contrast to both is above 4.
INK = "#777777"
# From the worst score to the best, none of them near black or white.
SCALE = ("#3f7fc4", "#a07a9c", "#e0752d")


def new_figure(width: float, height: float) -> Any:
    """An empty figure of so many inches, of no window."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def score_colors() -> Any:
    """The colour map of scores."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("scores", SCALE)


def finish(figure: Any, file: str | PathLike[str] | None = None) -> Any:
    """Give a figure its style; write it as a PNG file, if one is named.

    Text that has a colour of its own keeps it.
    """
    figure.patch.set_alpha(0.0)
    for axes in figure.axes:
        axes.patch.set_alpha(0)
        axes.tick_params(which="both", color=INK, labelcolor=INK)
        for spine in axes.spines.values():
            spine.set_edgecolor(INK)
        for line in (*axes.get_xgridlines(), *axes.get_ygridlines()):
            line.set_color(INK)
        legend = axes.get_legend()
        texts = [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
        texts += legend.get_texts() if legend else []
        for text in texts:
            if text.get_color() == "black":
                text.set_color(INK)
        if legend:
            legend.get_frame().set(facecolor="none", edgecolor=INK, alpha=None)
    if file is not None:
        with warnings.catch_warnings():
            # The default font has no Chinese: boxes here, full names elsewhere.
            warnings.filterwarnings("ignore", message="Glyph .* missing")
            figure.savefig(file, format="png", dpi=120)
    return figure
