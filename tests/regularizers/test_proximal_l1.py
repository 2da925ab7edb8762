from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfreg._checks import InputError
from tfreg.regularizers import ProximalL1


def test_value_without_gradient():
    w = tf.Variable([1.0, -2.0])
    with tf.GradientTape() as tape:
        value = ProximalL1(0.5)(w) + 0.0 * tf.reduce_sum(w)
    assert float(value) == 1.5
    assert tape.gradient(value, w).numpy().tolist() == [0.0, 0.0]


def test_config_and_strengths_that_cannot_be():
    again = keras.regularizers.get(keras.regularizers.serialize(ProximalL1(0.25)))
    assert type(again) is ProximalL1 and again.strength == 0.25
    for strength in (0, -1.0, "1", np.nan):
        with pytest.raises(InputError, match="`strength`"):
            ProximalL1(strength)
