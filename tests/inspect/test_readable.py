from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from tfreg._checks import InputError
from tfreg.inspect import readable


def test_ground_and_ink_of_a_figure_of_ones_own(tmp_path):
    figure = Figure()
    axes = figure.add_subplot()
    axes.plot([0, 1], color="red", label="mine")
    axes.set_title("title")
    assert figure.get_facecolor() == (1, 1, 1, 1)
    assert readable(figure, tmp_path / "f.png") is figure
    assert figure.get_facecolor()[3] == 0 and axes.patch.get_alpha() == 0
    assert axes.title.get_color() == "#777777"
    assert axes.lines[0].get_color() == "red"
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_but_a_figure():
    with pytest.raises(InputError, match="`figure` must be a Matplotlib figure; got"):
        readable(Figure().add_subplot())
