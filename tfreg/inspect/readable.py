"""The style of tfreg's pictures for one's own."""

from __future__ import annotations

from os import PathLike
from typing import Any

from tfreg._checks import fail
from tfreg._figures import finish


def readable(figure: Any, file: str | PathLike[str] | None = None) -> Any:
    """Make a Matplotlib figure readable on light pages and on dark ones.

    Its ground becomes transparent, and black ink a grey whose contrast to black and to
    white is above 4. Lines, and texts of another colour, stay as they are.

    Args:
        figure: a figure that is drawn.
        file: a PNG file to write.

    Returns:
        The same figure.

    Raises:
        InputError: something else than a figure.

    Example:
        >>> from matplotlib.figure import Figure
        >>> figure = Figure()
        >>> lines = figure.add_subplot().plot([1, 3, 2])
        >>> readable(figure).get_facecolor()[3]
        0.0
    """
    from matplotlib.figure import Figure

    if not isinstance(figure, Figure):
        raise fail("figure", "a Matplotlib figure", figure)
    return finish(figure, file)
