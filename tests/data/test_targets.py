from __future__ import annotations

import numpy as np
import pytest

from tfreg._checks import InputError
from tfreg.data.targets import check_labels, class_weights, encode_targets

NAMES = ("no", "yes", "maybe")


def message(function, *arguments):
    with pytest.raises(InputError) as error:
        function(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_label_names():
    assert check_labels(["b", "a"], "classify") == ("b", "a")
    assert check_labels((name for name in "xy"), "tag") == ("x", "y")
    assert check_labels(np.array(["x", "y"]), "tag") == ("x", "y")
    assert check_labels(["only"], "multilabel") == ("only",)


@pytest.mark.parametrize(
    ("labels", "message_"),
    [
        ("ab", "`labels` must be a sequence of names; got 'ab'"),
        ([0, 1], "`labels` must be a sequence of names; got [0, 1]"),
        (None, "`labels` must be a sequence of names; got None"),
        (["a", "b", "a"], "`labels` must all differ; 'a' is there twice"),
        (["a"], "`labels` must be at least 2 names; got ('a',)"),
        ([], "`labels` must be at least 2 names; got ()"),
    ],
)
def test_impossible_labels(labels, message_):
    assert message(check_labels, labels, "classify") == message_


def test_no_labels_at_all():
    found = message(check_labels, [], "multilabel")
    assert found == "`labels` must be at least 1 names; got ()"


def test_classes():
    targets = ["yes", b"no", 2, np.int64(1), np.str_("maybe")]
    found = encode_targets(targets, "classify", NAMES)
    assert found.tolist() == [1, 0, 2, 1, 2] and found.dtype == "int32"
    assert encode_targets([], "classify", NAMES).shape == (0,)


def test_tags():
    found = encode_targets([("yes", "no"), (), ("maybe",)], "tag", NAMES)
    assert [row.tolist() for row in found] == [[1, 0], [], [2]]
    assert all(row.dtype == "int32" for row in found)


def test_many_labels():
    targets = [("yes", "no"), (), ["maybe", "maybe"], np.array(["no"])]
    found = encode_targets(targets, "multilabel", NAMES)
    assert found.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1], [1, 0, 0]]
    assert found.dtype == "float32"


def test_numbers():
    found = encode_targets([1, 2.5, np.float32(3), -1e3], "regress", ())
    assert found.tolist() == [1, 2.5, 3, -1000] and found.dtype == "float32"
    assert encode_targets([[1.0], [2.0]], "regress", ()).shape == (2,)
    assert encode_targets([], "regress", ()).shape == (0,)


def test_a_name_that_is_no_label():
    found = message(encode_targets, ["no", "nope"], "classify", NAMES)
    assert found == "y[1]: 'nope' is not one of the labels 'no', 'yes', 'maybe'"
    many = [f"l{i}" for i in range(20)]
    found = message(encode_targets, [("l1",), ("x",)], "tag", many)
    assert found.startswith("y[1]: 'x' is not one of the labels 'l0', 'l1', ")
    assert found.endswith("'l7', ...")


@pytest.mark.parametrize("target", [1.0, True, None, np.bool_(True), ("no",)])
def test_what_is_neither_name_nor_id(target):
    found = message(encode_targets, [target], "classify", NAMES)
    assert found == f"y[0] must be a label name; got {target!r}"


def test_ids_out_of_range():
    for target in (3, -1):
        found = message(encode_targets, [0, target], "classify", NAMES)
        assert found == f"y[1]: the id {target} is not below 3"


def test_ids_where_names_are_numbers():
    labels = ("1", "0")
    assert encode_targets(["1", "0"], "classify", labels).tolist() == [0, 1]
    assert message(encode_targets, [1], "classify", labels) == (
        "y[0]: the number 1 could be an id or a label's name; give the name, "
        "as a string"
    )


@pytest.mark.parametrize("row", ["yes", b"yes", (1, 0, 1), (0, 2), 1, (1.0,), None])
def test_many_labels_are_lists_of_names(row):
    # (1, 0, 1) could be marks of the first and third label, or ids of the first two.
    found = message(encode_targets, [("no",), row], "multilabel", NAMES)
    assert found == f"y[1] must be a list of label names; got {row!r}"


@pytest.mark.parametrize(
    ("targets", "start"),
    [
        (["x"], "`y` must be one number a text: "),
        ([[1, 2], [3, 4]], "`y` must be one number a text: "),
        ([1.0, float("nan")], "y[1] must be a finite number; got nan"),
        ([None, 1.0], "y[0] must be a finite number; got None"),
        ([float("-inf")], "y[0] must be a finite number; got -inf"),
    ],
)
def test_numbers_that_are_none(targets, start):
    assert message(encode_targets, targets, "regress", ()).startswith(start)


def test_class_weights():
    assert class_weights(None, "regress", ()) is None
    found = class_weights({"maybe": 3, "no": np.float64(0.5)}, "classify", NAMES)
    assert found.tolist() == [0.5, 1, 3] and found.dtype == "float32"
    assert class_weights({0: 2.0}, "tag", NAMES).tolist() == [2, 1, 1]


@pytest.mark.parametrize("task", ["regress", "multilabel"])
def test_class_weights_of_no_class(task):
    found = message(class_weights, {"no": 1.0}, task, NAMES)
    assert found == f"`class_weight` has no meaning for task '{task}'"


@pytest.mark.parametrize("weight", [-1, float("nan"), float("inf"), "2", None])
def test_impossible_class_weights(weight):
    assert message(class_weights, {"no": weight}, "tag", NAMES) == (
        f"`class_weight['no']` must be a finite number of at least 0; got {weight!r}"
    )


def test_class_weights_that_name_nothing():
    found = message(class_weights, {"nope": 1}, "tag", NAMES)
    assert found.startswith("class_weight: 'nope' is not one of the labels 'no'")
    found = message(class_weights, [1, 2, 3], "tag", NAMES)
    assert found == "`class_weight` must be {label: weight}; got [1, 2, 3]"
