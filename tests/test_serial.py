from __future__ import annotations

import keras
import pytest

from tfreg import adapt
from tfreg._checks import InputError
from tfreg.adapt import LoRA
from tfreg.adapt.adaptation import Adaptation
from tfreg.serial import from_text, read_object


@keras.saving.register_keras_serializable("tests")
class Mine(Adaptation):
    """An adaptation of a user's own."""


def read(value):
    return read_object("adapter", value, Adaptation, adapt)


def test_live_objects_and_their_serialised_forms():
    lora = LoRA(rank=4)
    assert read(lora) is lora
    for form in (
        keras.saving.serialize_keras_object(lora),
        {"class_name": "LoRA", "config": {"rank": 4}},
        {"class_name": "tfreg>LoRA", "config": {"rank": 4}},
    ):
        assert type(read(form)) is LoRA and read(form).rank == 4
    assert (
        read({"class_name": "LoRA"}).rank
        == read({"class_name": "LoRA", "config": None}).rank
    )


def test_a_registered_class_of_the_user_s_own():
    assert type(read(keras.saving.serialize_keras_object(Mine()))) is Mine
    assert type(read({"class_name": "tests>Mine"})) is Mine


@pytest.mark.parametrize(
    "value, words",
    [
        (3, "`adapter` must be one of Adapter, BitFit, LoRA; got 3"),
        (
            {"class_name": "L1"},
            "`adapter` cannot be read: unknown class 'L1'; known: Ad",
        ),
        (
            {"class_name": "tfreg>L2SP"},
            "`adapter` cannot be read: unknown class 'tfreg>",
        ),
        ({}, "`adapter` cannot be read: it has no `class_name`"),
        (
            {"class_name": "LoRA", "config": {"rank": -1}},
            "`adapter` cannot be read: `rank` must be an integer of at least 1; got -1",
        ),
    ],
)
def test_what_is_none(value, words):
    with pytest.raises(InputError) as error:
        read(value)
    assert str(error.value).startswith(words) and "\n" not in str(error.value)


def test_from_text():
    assert from_text('{"class_name": "LoRA", "config": {"rank": 4}}')["config"] == {
        "rank": 4
    }
    assert from_text("LoRA") == {"class_name": "LoRA", "config": {}}
    assert from_text("none") is None
    with pytest.raises(InputError, match="got 'rank=4'"):
        from_text("rank=4")
