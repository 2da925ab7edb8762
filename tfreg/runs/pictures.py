"""The pictures of a run: learning curve, confusion matrix, scatter plot.

Figures are drawn without pyplot: no display, and no figure is left open.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfreg.runs.scoring import Outcome

_NUMBERED = 20  # classes up to which every cell of a matrix shows its count
_CURVES = {
    "classify": ("cross_entropy", "macro_f1"),
    "multilabel": ("cross_entropy", "macro_f1"),
    "regress": ("mse", "pearson"),
    "tag": ("cross_entropy", "span_f1_strict"),
}


def draw_curve(epochs: Sequence[dict[str, Any]], task: str, path: Path) -> None:
    """Draw loss and score of train and dev over the epochs.

    Args:
        epochs: ``{"epoch": 1, "train": {...}, "dev": {...}}`` and so on, with metrics
            by name.
        task: chooses the two metrics; one that was not logged gives its place to
            ``accuracy``.
        path: the PNG file to write.
    """
    logged = {name for epoch in epochs for name in epoch["train"]}
    names = [n if n in logged else "accuracy" for n in _CURVES[task]]
    figure = new_figure(9, 3.8)
    for place, name in enumerate(names, start=1):
        axes = figure.add_subplot(1, 2, place)
        for split, marker in (("train", "o"), ("dev", "s")):
            points = [
                (epoch["epoch"], epoch[split][name])
                for epoch in epochs
                if name in epoch[split]
            ]
            if points:
                axes.plot(*zip(*points), marker=marker, label=split)
        axes.set(title=name, xlabel="epoch", xticks=_ticks(len(epochs)))
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    save_figure(figure, path)


def draw_outcome(outcome: Outcome, title: str, path: Path) -> None:
    """Draw true against predicted, in the manner of the task, as a PNG file.

    Classes and tags: a confusion matrix, each row coloured by its shares. Several
    labels a row: how often each label was hit, missed and invented. Numbers: a
    scatter plot.
    """
    if outcome.task == "regress":
        _draw_scatter(outcome, title, path)
    elif outcome.task == "multilabel":
        counts = hits_and_misses(outcome)
        columns = ["hit", "missed", "invented", "rightly left"]
        _draw_matrix(counts, outcome.labels, columns, title, path)
    else:
        counts = confusion(outcome)
        _draw_matrix(counts, outcome.labels, outcome.labels, title, path)


def confusion(outcome: Outcome) -> np.ndarray:
    """Counts of rows (or words) by true and predicted class.

    Returns:
        Integers of shape (classes, classes), rows true, columns predicted.

    Example:
        >>> o = Outcome("classify", ("a", "b"), np.eye(2), ("a", "b"))
        >>> confusion(o).tolist()
        [[1, 0], [0, 1]]
    """
    targets: Any = outcome.targets
    logits = outcome.outputs
    if outcome.task == "tag":
        targets = [tag for tags in targets for tag in tags]
        logits = np.concatenate([rows for rows in logits if len(rows)])
    ids = {label: i for i, label in enumerate(outcome.labels)}
    counts = np.zeros((len(ids), len(ids)), int)
    np.add.at(counts, ([ids[t] for t in targets], logits.argmax(axis=-1)), 1)
    return counts


def hits_and_misses(outcome: Outcome) -> np.ndarray:
    """Per label: hit, missed, invented, rightly left; integers, shape (labels, 4)."""
    true = np.array(
        [[label in row for label in outcome.labels] for row in outcome.targets]
    )
    said = np.asarray(outcome.outputs) > 0
    cells = (true & said, true & ~said, ~true & said, ~true & ~said)
    return np.stack([cell.sum(axis=0) for cell in cells], axis=1)


def _draw_matrix(
    counts: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    path: Path,
) -> None:
    """A table of counts, coloured by the share of its row."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    step = 0.5 if len(rows) <= _NUMBERED else 0.22  # inches a class
    width, height = (max(3.0, step * len(names)) for names in (columns, rows))
    figure = new_figure(width + 3.0, height + 2.2)
    axes = figure.add_subplot()
    image = axes.imshow(shares, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
    bar.set_label("share of the row")
    size = 9 if len(rows) <= _NUMBERED else 7
    # A dollar sign in a label is no formula.
    plain: dict[str, Any] = {"parse_math": False}
    names = [_name(column) for column in columns]
    axes.set_xticks(range(len(names)), names, rotation=90, **plain)
    names = [_name(row) for row in rows]
    axes.set_yticks(range(len(names)), names, **plain)
    axes.tick_params(labelsize=size)
    axes.set(title=title, xlabel="predicted", ylabel="true")
    if len(rows) <= _NUMBERED:
        for (row, column), count in np.ndenumerate(counts):
            color = "white" if shares[row, column] > 0.5 else "black"
            axes.text(
                column, row, str(count), ha="center", va="center", color=color, size=7
            )
    save_figure(figure, path)


def _draw_scatter(outcome: Outcome, title: str, path: Path) -> None:
    true = np.asarray(outcome.targets, float)
    said = np.reshape(outcome.outputs, -1)
    ends = [min(true.min(), said.min()), max(true.max(), said.max())]
    figure = new_figure(5.2, 5.0)
    axes = figure.add_subplot()
    axes.plot(ends, ends, color="gray", linewidth=1)
    axes.scatter(true, said, s=10, alpha=0.4, edgecolors="none")
    axes.set(title=title, xlabel="true", ylabel="predicted")
    axes.grid(alpha=0.3)
    save_figure(figure, path)


def _name(text: str) -> str:
    """A label for an axis: not too long."""
    return text if len(text) <= 32 else text[:31] + "…"


def _ticks(epochs: int) -> range:
    return range(1, epochs + 1, -(-epochs // 10))


def new_figure(width: float, height: float) -> Any:
    """An empty figure of so many inches, of no window."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure as a PNG file."""
    with warnings.catch_warnings():
        # The default font has no Chinese: boxes in a picture, full names elsewhere.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(path, format="png", dpi=120)
