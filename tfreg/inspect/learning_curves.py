"""Learning curves of one fit or of several, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

from tfreg._checks import InputError
from tfreg._figures import finish, new_figure


def draw_learning_curves(
    histories: Mapping[str, Any],
    metric: str | Sequence[str],
    file: str | PathLike[str] | None = None,
) -> Any:
    """A metric of train (dashed) and dev (solid) over the epochs of some fits.

    Args:
        histories: {name: what `fit` returned}, or its `history`, a dictionary.
        metric: a name that `fit` logs, such as ``"accuracy"`` or ``"cross_entropy"``,
            or several, each in a picture of its own. (``"loss"`` has the penalties in
            it, of train only.)
        file: a PNG file to write.

    Returns:
        A Matplotlib figure.

    Raises:
        InputError: no fit, or a metric that one of them did not log.

    Example:
        >>> logs = {"accuracy": [0.5, 0.9], "val_accuracy": [0.5, 0.6]}
        >>> figure = draw_learning_curves({"plain": logs}, "accuracy")
        >>> [line.get_label() for line in figure.axes[0].lines]
        ['plain, train', 'plain, dev']
    """
    names = [metric] if isinstance(metric, str) else list(metric)
    if not histories or not names:
        raise InputError("there is no curve to draw: no history, or no metric")
    logs = {name: getattr(given, "history", given) for name, given in histories.items()}
    figure = new_figure(4.5 * len(names), 3.8)
    for place, name in enumerate(names, start=1):
        axes = figure.add_subplot(1, len(names), place)
        longest = 1
        for number, (fit, values) in enumerate(logs.items()):
            if name not in values and f"val_{name}" not in values:
                raise InputError(
                    f"`metric` {name!r} was not logged by {fit!r}; it has "
                    f"{', '.join(values)}"
                )
            for key, split, style in (
                (name, "train", "o--"),
                (f"val_{name}", "dev", "s-"),
            ):
                if key in values:
                    label = f"{fit}, {split}" if fit else split
                    epochs = range(1, len(values[key]) + 1)
                    longest = max(longest, len(epochs))
                    axes.plot(
                        epochs, values[key], style, color=f"C{number}", label=label
                    )
        axes.set(title=name, xlabel="epoch", xticks=ticks(longest))
        axes.grid(alpha=0.3)
        axes.legend()
    return finish(figure, file)


def ticks(epochs: int) -> range:
    """Ten epochs at most, from the first.

    Example:
        >>> list(ticks(3)), list(ticks(12))
        ([1, 2, 3], [1, 3, 5, 7, 9, 11])
    """
    return range(1, epochs + 1, -(-epochs // 10))
