"""True against predicted: a confusion matrix, or a scatter plot of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np

from tfreg._figures import INK, finish, new_figure
from tfreg._outcome import Outcome
from tfreg.inspect.answers import answers, read

_NUMBERED = 20  # classes up to which every cell of a matrix shows its count
_File = str | PathLike[str] | None


def draw_confusion(model: Any, examples: Any, file: _File = None) -> Any:
    """What a model confuses with what, in the manner of its task.

    Classes and tags: a confusion matrix, each row coloured by its shares. Several
    labels a row: how often each label was hit, missed and invented. Numbers: a
    scatter plot.

    Args:
        model: a tfreg model.
        examples: `Examples`, or (x, y).
        file: a PNG file to write.

    Returns:
        A Matplotlib figure.

    Raises:
        InputError: no rows, or rows without targets.

    Example:
        >>> figure = draw_confusion(model, (["a good text", "bad"], ["good", "bad"]))
        >>> figure.axes[0].get_xlabel()
        'predicted'
    """
    found = answers(model, examples)
    return draw_answers(found, f"{len(found.targets)} rows", file)


def draw_answers(found: Outcome, title: str, file: _File = None) -> Any:
    """The picture of what was predicted already.

    Args:
        found: the outcome.
        title: of the picture.
        file: a PNG file to write.
    """
    if found.task == "regress":
        figure = _scatter(found, title)
    elif found.task == "multilabel":
        columns = ["hit", "missed", "invented", "rightly left"]
        figure = _matrix(hits_and_misses(found), found.labels, columns, title)
    else:
        figure = _matrix(confusion(found), found.labels, found.labels, title)
    return finish(figure, file)


def confusion(found: Outcome) -> np.ndarray:
    """Counts of rows (or words) by true and predicted class.

    Returns:
        Integers of shape (classes, classes), rows true, columns predicted.

    Example:
        >>> o = Outcome("classify", ("a", "b"), np.eye(2), ("a", "b"))
        >>> confusion(o).tolist()
        [[1, 0], [0, 1]]
    """
    logits, ids = read(found)
    counts = np.zeros((len(found.labels), len(found.labels)), int)
    np.add.at(counts, (ids, logits.argmax(axis=-1)), 1)
    return counts


def hits_and_misses(found: Outcome) -> np.ndarray:
    """Per label: hit, missed, invented, rightly left; integers, shape (labels, 4)."""
    logits, ids = read(found)
    true, said = ids == 1, logits > 0
    cells = (true & said, true & ~said, ~true & said, ~true & ~said)
    return np.stack([cell.sum(axis=0) for cell in cells], axis=1)


def _matrix(
    counts: np.ndarray, rows: Sequence[str], columns: Sequence[str], title: str
) -> Any:
    """A table of counts, coloured by the share of its row."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    step = 0.5 if len(rows) <= _NUMBERED else 0.22  # inches a class
    width, height = (max(3.0, step * len(names)) for names in (columns, rows))
    figure = new_figure(width + 3.0, height + 2.2)
    axes = figure.add_subplot()
    image = axes.imshow(shares, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
    bar.set_label("share of the row")
    bar.outline.set_edgecolor(INK)
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
            color = "white" if shares[row, column] > 0.5 else "#111111"
            axes.text(
                column, row, str(count), ha="center", va="center", color=color, size=7
            )
    return figure


def _scatter(found: Outcome, title: str) -> Any:
    true = np.asarray(found.targets, float)
    said = np.reshape(found.outputs, -1)
    ends = [min(true.min(), said.min()), max(true.max(), said.max())]
    figure = new_figure(5.2, 5.0)
    axes = figure.add_subplot()
    axes.plot(ends, ends, color=INK, linewidth=1)
    axes.scatter(true, said, s=10, alpha=0.4, edgecolors="none")
    axes.set(title=title, xlabel="true", ylabel="predicted")
    axes.grid(alpha=0.3)
    return figure


def _name(text: str) -> str:
    """A label for an axis: not too long."""
    return text if len(text) <= 32 else text[:31] + "…"
