from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfreg._checks import InputError
from tfreg.data.examples import Examples
from tfreg.data.inputs import as_examples

TEXTS = ("café", "b", "c")
FIRST, SECOND = ["a", "b", "c"], ["é", "e", "f"]
PAIRS = tuple(zip(FIRST, SECOND))
SENTENCES = (("a", "é"), (), ("c",))


@pytest.mark.parametrize(
    "x",
    [
        list(TEXTS),
        TEXTS,
        np.array(TEXTS),
        np.array(TEXTS, object),
        np.array([text.encode() for text in TEXTS]),
        tf.constant(TEXTS),
    ],
)
def test_texts(x):
    assert as_examples(x, None, "classify") == Examples("text", TEXTS)


@pytest.mark.parametrize(
    "x",
    [
        (FIRST, SECOND),
        (tuple(FIRST), tuple(SECOND)),
        (np.array(FIRST), np.array(SECOND)),
        (np.array(FIRST, "S"), SECOND),
        (tf.constant(FIRST), tf.constant(SECOND)),
        list(PAIRS),
        [list(pair) for pair in PAIRS],
        PAIRS,
        np.array(PAIRS),
        tf.constant(PAIRS),
    ],
)
def test_pairs(x):
    assert as_examples(x, None, "regress") == Examples("pair", PAIRS)


@pytest.mark.parametrize(
    "x",
    [
        list(SENTENCES),
        [np.array(words, str) for words in SENTENCES],
        [np.array(words, object) for words in SENTENCES],
        tf.ragged.constant([list(words) for words in SENTENCES]),
    ],
)
def test_word_lists(x):
    assert as_examples(x, None, "tag") == Examples("words", SENTENCES)


@pytest.mark.parametrize("y", [["u", "v", "w"], ("u", "v", "w"), np.array(list("uvw"))])
def test_targets_go_with_them(y):
    assert as_examples(TEXTS, y, "classify").targets == ("u", "v", "w")


def test_targets_of_other_kinds():
    numbers = as_examples(TEXTS, np.array([1.5, 2, 3]), "regress")
    assert numbers.targets == (1.5, 2.0, 3.0)
    assert as_examples(TEXTS, tf.constant([1.5, 2, 3]), "regress") == numbers
    tags = tf.ragged.constant([["O", "O"], [], ["B"]])
    found = as_examples(SENTENCES, tags, "tag").targets
    assert found == ((b"O", b"O"), (), (b"B",))
    many = as_examples(TEXTS, [["u"], [], ["u", "v"]], "multilabel").targets
    assert many == (("u",), (), ("u", "v"))


def test_examples_pass():
    examples = Examples("text", TEXTS, ("u", "v", "w"))
    assert as_examples(examples, None, "classify") is examples
    with pytest.raises(InputError, match="^`y` must be left out"):
        as_examples(examples, ["u", "v", "w"], "classify")


def test_no_texts_are_no_examples():
    assert as_examples([], None, "classify") == Examples("text", ())
    assert as_examples([], [], "classify") == Examples("text", (), ())
    assert as_examples((), None, "tag") == Examples("words", ())
    assert as_examples(tf.constant([], tf.string), None, "classify") == Examples(
        "text", ()
    )


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((2, 3), "int32"),
        {"token_ids": np.zeros((2, 3), "int32")},
        tf.data.Dataset.from_tensor_slices(["a"]),
        tf.constant([1, 2]),
        [1, 2],
        [[1, 2], [3, 4]],
        None,
        5,
    ],
)
def test_anything_else_is_left_to_others(x):
    assert as_examples(x, None, "classify") is None


def test_one_string_is_not_a_sequence_of_texts():
    with pytest.raises(InputError) as error:
        as_examples("a text" * 20, None, "classify")
    start = ("a text" * 20)[:40]
    expected = f"`x` must be a sequence of texts; got one string {start!r}"
    assert str(error.value) == expected


def test_columns_of_different_length():
    with pytest.raises(InputError) as error:
        as_examples((["a", "b"], ["c"]), None, "classify")
    assert str(error.value) == "`x` must be two columns of one length; got 2 and 1"


def test_texts_for_a_tagger():
    with pytest.raises(InputError) as error:
        as_examples(["a b", "c"], None, "tag")
    assert str(error.value) == "`x` must be word lists, one a sentence; got 'a b'"


def test_one_text_among_word_lists():
    with pytest.raises(InputError, match="`x` must be word lists, .*; got 'in Paris'"):
        as_examples([["Ada", "lives"], "in Paris"], None, "tag")


def test_a_row_of_another_kind():
    with pytest.raises(InputError, match=r"`inputs\[1\]` must be a string; got 5"):
        as_examples(["a", 5], None, "classify")
    with pytest.raises(InputError, match=r"`inputs\[1\]` must be two strings"):
        as_examples([("a", "b"), ("c",)], None, "classify")
