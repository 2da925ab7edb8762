"""Spans are marked whole, and what is in words is no HTML."""

from __future__ import annotations

import pytest

from tfreg._checks import InputError
from tfreg.inspect import tagged_html
from tfreg.inspect.tagged_text import spans
from tfreg.models.predictions import Prediction


@pytest.mark.parametrize(
    "tags, expected",
    [
        ("B-X I-X O", [("X", ["a", "b"]), (None, ["c"])]),
        ("B-X B-X I-X", [("X", ["a"]), ("X", ["b", "c"])]),
        ("O I-X I-Y", [(None, ["a"]), ("X", ["b"]), ("Y", ["c"])]),
        ("O O O", [(None, ["a", "b", "c"])]),
        ("B I O", [("span", ["a", "b"]), (None, ["c"])]),
        ("DET NOUN NOUN", [("DET", ["a"]), ("NOUN", ["b"]), ("NOUN", ["c"])]),
    ],
)
def test_spans(tags, expected):
    assert spans(["a", "b", "c"], tags.split()) == expected


def test_html_is_escaped_and_shown():
    tags = [Prediction("B-<X>", 1.0, {}), Prediction("O", 1.0, {})]
    shown = tagged_html(["<b>", "&"], tags)
    assert "&lt;b&gt;" in shown and "&lt;X&gt;" in shown and "&amp;" in shown
    assert "<b>" not in shown and shown._repr_html_() == shown


def test_a_tag_a_word():
    with pytest.raises(InputError, match="one a word: 2; got 1"):
        tagged_html(["a", "b"], ["O"])
