from __future__ import annotations

import dataclasses

import pytest

from tfreg._checks import InputError
from tfreg.data.examples import Examples


def test_sequences_become_tuples():
    pairs = Examples("pair", [["a", "b"], ("c", "d")], ["x", "y"])
    assert pairs.inputs == (("a", "b"), ("c", "d"))
    assert pairs.targets == ("x", "y")
    many = Examples("text", iter(["a", "b"]), [[], ["x", "y"]])
    assert many.inputs == ("a", "b")
    assert many.targets == ((), ("x", "y"))
    assert Examples("words", [[], ["a"]]).inputs == ((), ("a",))


def test_slices_and_rows():
    split = Examples("text", list("abcd"))
    labelled = Examples("text", list("abcd"), [0.0, 1.0, 2.0, 3.0])
    assert len(split[1:]) == 3
    assert split[1:3].targets is None
    assert labelled[::-1].targets == (3.0, 2.0, 1.0, 0.0)
    assert labelled.take([2, 0]) == Examples("text", ("c", "a"), (2.0, 0.0))
    assert len(labelled[9:]) == 0
    with pytest.raises(TypeError, match="Examples are cut by slices"):
        labelled[0]


def test_frozen_and_short_to_print():
    split = Examples("text", ["a"] * 1000, ["x"] * 1000)
    assert repr(split) == "Examples(1000 labelled rows, kind='text')"
    with pytest.raises(dataclasses.FrozenInstanceError):
        split.kind = "pair"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("txt", []), "`kind` must be one of 'text', 'pair', 'words'; got 'txt'"),
        (("text", "abc"), "`inputs` must be a sequence of rows; got 'abc'"),
        (("text", [b"a"]), "`inputs[0]` must be a string; got b'a'"),
        (("pair", ["ab"]), "`inputs[0]` must be two strings; got 'ab'"),
        (("pair", [("a",)]), "`inputs[0]` must be two strings; got ('a',)"),
        (("words", ["a"]), "`inputs[0]` must be a sequence of strings; got 'a'"),
        (
            ("words", [["a", 1]]),
            "`inputs[0]` must be a sequence of strings; got ('a', 1)",
        ),
        (
            ("text", ["a", "b"], ["x"]),
            "`targets` must be as many as `inputs`; got 1 targets, 2 inputs",
        ),
        (
            ("words", [["a", "b"]], [["O"]]),
            "`targets[0]` must be one tag for each of 2 words; got ('O',)",
        ),
        (
            ("words", [["a", "b"]], ["OO"]),
            "`targets[0]` must be one tag for each of 2 words; got 'OO'",
        ),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(InputError) as error:
        Examples(*arguments)
    assert str(error.value) == message
