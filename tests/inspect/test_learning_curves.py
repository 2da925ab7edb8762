"""Curves hold what was logged."""

from __future__ import annotations

import pytest

from tfreg._checks import InputError
from tfreg.inspect import draw_learning_curves

LOGS = {"accuracy": [0.5, 0.9], "val_accuracy": [0.5, 0.6], "loss": [2.0, 1.0]}


class History:
    history = LOGS


def test_two_fits_and_two_metrics(tmp_path):
    fits = {"plain": LOGS, "l2": History()}
    figure = draw_learning_curves(fits, ["accuracy", "loss"], tmp_path / "c.png")
    first, second = figure.axes
    assert [line.get_ydata().tolist() for line in first.lines] == [
        [0.5, 0.9], [0.5, 0.6], [0.5, 0.9], [0.5, 0.6],
    ]  # fmt: skip
    assert [line.get_label() for line in second.lines] == ["plain, train", "l2, train"]
    assert [axes.get_title() for axes in figure.axes] == ["accuracy", "loss"]
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "fits, metric, message",
    [
        ({"plain": LOGS}, "f1", "'f1' was not logged by 'plain'; it has accuracy"),
        ({}, "accuracy", "no curve"),
        ({"plain": LOGS}, [], "no curve"),
    ],
)
def test_what_cannot_be_drawn(fits, metric, message):
    with pytest.raises(InputError, match=message):
        draw_learning_curves(fits, metric)
