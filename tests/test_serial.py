"""Objects in a recipe come from themselves or from what Keras writes of them."""

from __future__ import annotations

import keras
import pytest

from tfreg import heads
from tfreg._checks import InputError
from tfreg.serial import read_object


def read(value):
    return read_object("head", value, heads.Head, heads)


def test_what_is_live_passes():
    head = heads.Bottleneck()
    assert read(head) is head


@pytest.mark.parametrize("name", ["Bottleneck", "tfreg>Bottleneck"])
def test_short_and_registered_names(name):
    assert read({"class_name": name, "config": {"dim": 7}}).dim == 7


def test_what_keras_writes():
    stored = keras.saving.serialize_keras_object(heads.Bottleneck(dim=9))
    assert read(stored).dim == 9


@keras.saving.register_keras_serializable("tests")
class Mine(heads.Head):
    def get_config(self):
        return {}


def test_a_class_of_the_users_own():
    assert type(read(keras.saving.serialize_keras_object(Mine()))) is Mine


@pytest.mark.parametrize(
    "value",
    [
        {"class_name": "Nope", "config": {}},
        {"class_name": "Bottleneck", "config": {"dims": 3}},
        {"class_name": "Bottleneck", "config": 5},
        {"class_name": "system", "module": "os", "config": {}, "registered_name": None},
    ],
)
def test_what_cannot_be_read(value):
    with pytest.raises(InputError, match="^`head` cannot be read: ") as error:
        read(value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "value", [3, "x", heads.Bottleneck, None, {}, {"class_name": "Bottleneck"}]
)
def test_what_is_something_else(value):
    with pytest.raises(InputError, match="^`head` must be a tfreg.heads.Head; got "):
        read(value)


def test_a_layer_is_no_head():
    dense = keras.saving.serialize_keras_object(keras.layers.Dense(1))
    with pytest.raises(InputError, match="must be a tfreg.heads.Head"):
        read(dense)
