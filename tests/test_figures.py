"""Pictures are readable on a white page and on a dark one."""

from __future__ import annotations

import pytest

from tfreg._figures import INK, SCALE, finish, new_figure, score_colors

DARK, LIGHT = "#0d1117", "#ffffff"  # a site's dark page, and paper


def luminance(color: str) -> float:
    """WCAG 2.1's relative luminance."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    low, high = sorted([luminance(first), luminance(second)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("page", [DARK, LIGHT])
def test_contrast(page):
    assert contrast(INK, page) > 4  # text
    assert all(contrast(color, page) > 2.5 for color in SCALE)  # lines and points


def test_style_is_everywhere_but_where_a_colour_was_given(tmp_path):
    figure = new_figure(3, 2)
    axes = figure.add_subplot()
    axes.plot([0, 1], label="line")
    axes.set(title="title", xlabel="x")
    axes.text(0, 0, "own", color="white")
    axes.text(0, 1, "none")
    axes.legend()
    axes.grid()
    finish(figure, tmp_path / "f.png")
    assert figure.get_facecolor()[3] == 0 and axes.patch.get_alpha() == 0
    texts = [axes.title, axes.xaxis.label, *axes.get_legend().get_texts()]
    assert {text.get_color() for text in texts} == {INK}
    assert [text.get_color() for text in axes.texts] == ["white", INK]
    assert {line.get_color() for line in axes.get_xgridlines()} == {INK}
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")


def test_scores_have_three_colours():
    colors = score_colors()
    ends = [colors(0.0), colors(0.5), colors(1.0)]
    hexes = ["#" + "".join(f"{round(255 * part):02x}" for part in c[:3]) for c in ends]
    assert hexes[0] == SCALE[0] and hexes[2] == SCALE[2]
