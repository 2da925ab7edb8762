"""Pictures are PNG files that say what they should, whatever the labels are called."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from tfreg._outcome import Outcome
from tfreg.inspect.confusion import confusion, draw_answers, hits_and_misses

PNG = b"\x89PNG\r\n"


def test_confusion_is_scikit_learns():
    labels = ("a", "b", "c")
    rng = np.random.default_rng(0)
    targets = tuple(rng.choice(labels, 50))
    logits = rng.normal(size=(50, 3))
    said = [labels[i] for i in logits.argmax(axis=1)]
    expected = confusion_matrix(targets, said, labels=labels)
    got = confusion(Outcome("classify", targets, logits, labels))
    np.testing.assert_array_equal(got, expected)


def test_confusion_of_tags_counts_words():
    targets = (("O", "B"), (), ("B",))
    logits = [np.eye(2), np.zeros((0, 2)), np.array([[1.0, 0.0]])]
    got = confusion(Outcome("tag", targets, logits, ("O", "B")))
    assert got.tolist() == [[1, 0], [1, 1]]


def test_hits_and_misses_of_several_labels():
    outcome = Outcome(
        "multilabel", (("a",), ("a", "b"), ()), [[1, -1], [-1, 1], [1, -1]], ("a", "b")
    )
    assert hits_and_misses(outcome).tolist() == [[1, 1, 1, 0], [1, 0, 0, 2]]


def texts_of(figure) -> set[str]:
    """All texts of a figure."""
    from matplotlib.text import Text

    return {text.get_text() for text in figure.findobj(Text)}


def answers_of(classes: int) -> Outcome:
    labels = tuple(f"label_{i}" for i in range(classes))
    return Outcome("classify", labels, np.eye(classes), labels)


def test_few_classes_show_counts(tmp_path):
    figure = draw_answers(answers_of(3), "test, 3 rows", tmp_path / "m.png")
    assert (tmp_path / "m.png").read_bytes().startswith(PNG)
    assert {"label_0", "label_1", "label_2", "test, 3 rows", "1", "0"} <= texts_of(
        figure
    )


def test_77_classes_are_readable(tmp_path):
    from matplotlib.image import imread

    figure = draw_answers(answers_of(77), "test", tmp_path / "m.png")
    assert len({text for text in texts_of(figure) if text.startswith("label_")}) == 77
    height, width, _ = imread(tmp_path / "m.png").shape
    # 7 points at 120 dots an inch are 12 dots: every name has its own line.
    assert height > 77 * 12 and width > 77 * 12


@pytest.mark.parametrize("name", ["$x", "$a_{$", "x" * 90, "标签", "a\nb", "_a", "%s"])
def test_any_label_can_be_drawn(tmp_path, name):
    outcome = Outcome("classify", (name, "b"), np.eye(2), (name, "b"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_answers(outcome, "test", tmp_path / "m.png")
    assert (tmp_path / "m.png").read_bytes().startswith(PNG)


def test_numbers_are_scattered(tmp_path):
    outcome = Outcome("regress", (1.0, 2.0), np.array([[1.5], [2.5]]), ())
    figure = draw_answers(outcome, "dev", tmp_path / "s.png")
    assert {"true", "predicted", "dev"} <= texts_of(figure)


def test_several_labels_and_tags_are_drawn(tmp_path):
    several = Outcome("multilabel", (("a",), ()), np.array([[1.0, -1], [1, 1]]), "ab")
    tags = Outcome("tag", (("O", "B"),), [np.eye(2)], ("O", "B"))
    for outcome in (several, tags):
        draw_answers(outcome, "dev", tmp_path / "m.png")
        assert (tmp_path / "m.png").read_bytes().startswith(PNG)


def test_pyplot_is_left_alone(tmp_path):
    import sys

    before = "matplotlib.pyplot" in sys.modules
    draw_answers(answers_of(2), "dev", tmp_path / "m.png")
    assert ("matplotlib.pyplot" in sys.modules) == before
