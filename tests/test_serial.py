from __future__ import annotations

import json

import keras
import pytest

from tfreg._checks import InputError
from tfreg.adapt import BitFit, LoRA
from tfreg.heads import CRF, Bottleneck, Head, Projection
from tfreg.optimizers import ChildTuning
from tfreg.regularizers import L2
from tfreg.serial import from_text, read_object

PLACES = {
    "adapter": ("Adaptation", "tfreg.adapt"),
    "child_tuning": ("ChildTuning", "tfreg.optimizers"),
    "head": ("Head", "tfreg.heads"),
}


def read(value, field="head"):
    return read_object(field, value, *PLACES[field])


def test_an_object_stays_itself():
    head = Projection(width=3)
    assert read(head) is head


@pytest.mark.parametrize(
    "field, value",
    [
        ("head", Projection(width=3, pooling="max")),
        ("head", CRF(L2(0.5))),
        ("head", CRF()),
        ("head", Bottleneck(dim=3)),
        ("adapter", LoRA(rank=4, penalty=L2(0.5))),
        ("adapter", BitFit()),
        ("child_tuning", ChildTuning(0.2, paths=("*",))),
    ],
)
def test_round_trip_through_json(field, value):
    written = json.loads(json.dumps(keras.saving.serialize_keras_object(value)))
    again = read(written, field)
    assert type(again) is type(value)
    assert again.get_config() == value.get_config()


@pytest.mark.parametrize("name", ["Projection", "tfreg>Projection"])
def test_a_class_name_is_enough_for_ours(name):
    assert read({"class_name": name, "config": {"width": 3}}).width == 3
    for default in ({"class_name": name}, {"class_name": name, "config": None}):
        assert read(default).width == Projection().width


@keras.saving.register_keras_serializable("tests")
class Mine(Head):
    """A user's own."""


def test_a_registered_class_of_the_users_own():
    assert type(read(keras.saving.serialize_keras_object(Mine()))) is Mine
    assert type(read({"class_name": "tests>Mine"})) is Mine


@pytest.mark.parametrize(
    "value",
    [
        {"class_name": "Nope", "config": {}},
        {"class_name": "Projection", "config": {"with": 3}},
        {"class_name": "Projection", "config": 5},
        {"class_name": "MaskedMean", "config": {}},
        {"class_name": 5, "config": {}},
        {"class_name": "system", "module": "os", "config": {}, "registered_name": None},
        keras.saving.serialize_keras_object(keras.layers.Dense(1)),
        Projection,
    ],
)
def test_anything_else_is_refused_in_one_line(value):
    with pytest.raises(InputError) as error:
        read(value)
    assert str(error.value).startswith("`head` ") and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "value, words",
    [
        (3, "`adapter` must be one of Adapter, BitFit, LoRA; got 3"),
        ({"class_name": "L1"}, "unknown class 'L1'; known: Adapter, BitFit, LoRA"),
        ({"class_name": "tfreg>L2SP"}, "unknown class 'tfreg>L2SP'"),
        ({}, "`adapter` cannot be read: it has no `class_name`"),
        (
            {"class_name": "LoRA", "config": {"rank": -1}},
            "`adapter` cannot be read: `rank` must be an integer of at least 1; got -1",
        ),
    ],
)
def test_errors_say_what_there_is(value, words):
    with pytest.raises(InputError) as error:
        read(value, "adapter")
    assert words in str(error.value)


def test_from_text():
    written = {"class_name": "LoRA", "config": {"rank": 4}}
    assert from_text(json.dumps(written)) == written
    assert from_text("LoRA") == {"class_name": "LoRA", "config": {}}
    assert from_text("none") is None
    with pytest.raises(InputError, match="got 'rank=4'"):
        from_text("rank=4")
