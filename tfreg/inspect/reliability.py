"""The reliability diagram: how often a model is right, against how sure it is."""

from __future__ import annotations

from os import PathLike
from typing import Any

from tfreg._figures import INK, finish, new_figure
from tfreg._outcome import Outcome
from tfreg.inspect.answers import answers, certainty
from tfreg.metrics import calibration_bins, expected_calibration_error


def draw_reliability(
    model: Any, examples: Any, file: str | PathLike[str] | None = None
) -> Any:
    """Share of right answers against their probability, and how many there are.

    On the grey line probabilities are what they say; below it the model is too sure.

    Args:
        model: a classifier or tagger.
        examples: `Examples`, or (x, y), that the model was not trained on.
        file: a PNG file to write.

    Returns:
        A Matplotlib figure; its title has the expected calibration error.

    Raises:
        InputError: a regressor, or no rows.

    Example:
        >>> texts, labels = ["a good text", "bad"], ["good", "bad"]
        >>> figure = draw_reliability(model, (texts, labels))
        >>> figure.axes[0].get_ylabel()
        'share that is right'
    """
    return draw_certainty(answers(model, examples), file)


def draw_certainty(found: Outcome, file: str | PathLike[str] | None = None) -> Any:
    """The diagram of what was predicted already."""
    probabilities, right = certainty(found)
    bins = calibration_bins(probabilities, right)
    error = expected_calibration_error(probabilities, right)
    figure = new_figure(5.2, 5.6)
    above, below = figure.subplots(
        2, 1, sharex=True, gridspec_kw={"height_ratios": (4, 1)}
    )
    above.plot([0, 1], [0, 1], color=INK, linewidth=1)
    centres = [each.probability for each in bins]
    above.plot(centres, [each.right for each in bins], marker="o")
    above.set(
        ylim=(0, 1),
        ylabel="share that is right",
        title=f"calibration error {error:.3f}, {len(right)} answers",
    )
    below.bar(centres, [each.size for each in bins], width=1 / 20)
    below.set(
        xlim=(0, 1), yscale="log", xlabel="probability of the answer", ylabel="answers"
    )
    for axes in (above, below):
        axes.grid(alpha=0.3)
    return finish(figure, file)
