from __future__ import annotations

import keras
import pytest

from tfreg import Recipe
from tfreg._checks import InputError
from tfreg.heads import Bottleneck
from tfreg.regularizers import L2


def test_round_trip():
    head = Bottleneck(dim=64, beta=1e-4, learn_prior=True)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(head)
    )
    assert type(again) is Bottleneck and again.get_config() == head.get_config()


def test_its_layer_has_its_settings():
    layer = Bottleneck(dim=64, beta=1e-4, learn_prior=True).bottleneck(L2(0.5), seed=7)
    config = layer.get_config()
    expected = {"dim": 64, "beta": 1e-4, "learn_prior": True, "seed": 7}
    assert {name: config[name] for name in expected} == expected
    assert layer.kernel_regularizer.l2 == 0.5 and layer.compute_dtype == "float32"


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"dim": 0}, "`dim` must be an integer of at least 1; got 0"),
        ({"beta": -1.0}, "`beta` must be a number in"),
        ({"learn_prior": None}, "`learn_prior` must be one of True, False; got None"),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        Bottleneck(**arguments)
    with pytest.raises(InputError, match="^`head` cannot be read: `"):
        Recipe(head={"class_name": "Bottleneck", "config": arguments})
