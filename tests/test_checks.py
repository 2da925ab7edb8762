from __future__ import annotations

import math

import pytest

from tfreg._checks import (
    DataError,
    DataWarning,
    InputError,
    check_choice,
    check_integer,
    check_number,
    fail,
)


def test_kinds_of_trouble():
    assert issubclass(DataError, InputError) and issubclass(InputError, ValueError)
    assert issubclass(DataWarning, UserWarning)
    assert str(fail("rate", "small", "x")) == "`rate` must be small; got 'x'"


@pytest.mark.parametrize(
    ("value", "limits"),
    [
        (0, {"low": 0, "high": 1}),
        (1, {"low": 0, "high": 1}),
        (0.5, {"low": 0, "high": 1, "open_low": True, "open_high": True}),
        (-1e300, {}),
        (2**1000, {}),
    ],
)
def test_numbers_come_back_as_floats(value, limits):
    found = check_number("x", value, **limits)
    assert found == value and type(found) is float


@pytest.mark.parametrize(
    ("value", "limits", "interval"),
    [
        (0, {"low": 0, "open_low": True}, "(0, inf]"),
        (1, {"low": 0, "high": 1, "open_high": True}, "[0, 1)"),
        (-0.1, {"low": 0, "high": 1}, "[0, 1]"),
        (1.1, {"low": 0, "high": 1}, "[0, 1]"),
        (math.nan, {}, "[-inf, inf]"),
        (math.inf, {}, "[-inf, inf]"),
        (-math.inf, {}, "[-inf, inf]"),
        (True, {}, "[-inf, inf]"),
        ("1", {}, "[-inf, inf]"),
        (None, {}, "[-inf, inf]"),
        (1j, {}, "[-inf, inf]"),
    ],
)
def test_not_a_number_in_the_interval(value, limits, interval):
    with pytest.raises(InputError) as error:
        check_number("x", value, **limits)
    assert str(error.value) == f"`x` must be a number in {interval}; got {value!r}"


def test_an_integer_no_float_can_hold():
    with pytest.raises(InputError, match="`x` must be a number in"):
        check_number("x", 10**400)


def test_integers():
    assert check_integer("n", 3, low=3) == 3
    assert check_integer("n", 5, low=3, high=5) == 5
    for value in (2, 3.0, True, "3", None):
        with pytest.raises(InputError) as error:
            check_integer("n", value, low=3)
        expected = f"`n` must be an integer of at least 3; got {value!r}"
        assert str(error.value) == expected
    with pytest.raises(InputError) as error:
        check_integer("n", 6, low=3, high=5)
    expected = "`n` must be an integer of at least 3 and at most 5; got 6"
    assert str(error.value) == expected


def test_choices():
    assert check_choice("c", None, (None, "a")) is None
    with pytest.raises(InputError) as error:
        check_choice("c", ["a"], ("a", "b"))
    assert str(error.value) == "`c` must be one of 'a', 'b'; got ['a']"
