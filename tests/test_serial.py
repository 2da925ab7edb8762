from __future__ import annotations

import json

import keras
import pytest

from tfreg._checks import InputError
from tfreg.heads import CRF, Head, Projection
from tfreg.regularizers import L2
from tfreg.serial import read_object


def read(value):
    return read_object("head", value, "Head", "tfreg.heads")


def test_an_object_stays_itself():
    head = Projection(width=3)
    assert read(head) is head


def test_round_trip_through_json():
    for head in (Projection(width=3, pooling="max"), CRF(L2(0.5)), CRF()):
        written = json.loads(json.dumps(keras.saving.serialize_keras_object(head)))
        again = read(written)
        assert type(again) is type(head)
        assert again.get_config() == head.get_config()


def test_a_class_name_is_enough_for_ours():
    assert read({"class_name": "Projection", "config": {"width": 3}}).width == 3
    assert type(read({"class_name": "CRF"})) is CRF


@keras.saving.register_keras_serializable("tests")
class Mine(Head):
    """A user's own."""


def test_a_registered_class_of_the_users_own():
    assert type(read(keras.saving.serialize_keras_object(Mine()))) is Mine


@pytest.mark.parametrize(
    "value",
    [
        {"class_name": "Nope", "config": {}},
        {"class_name": "Projection", "config": {"with": 3}},
        {"class_name": "Projection", "config": {"width": 0}},
        {"class_name": "Projection", "config": 5},
        {"class_name": "MaskedMean", "config": {}},
        {"class_name": 5, "config": {}},
        {},
        {"class_name": "system", "module": "os", "config": {}, "registered_name": None},
        keras.saving.serialize_keras_object(keras.layers.Dense(1)),
        3,
        Projection,
    ],
)
def test_anything_else_is_refused_in_one_line(value):
    with pytest.raises(InputError) as error:
        read(value)
    assert str(error.value).startswith("`head` ") and "\n" not in str(error.value)
