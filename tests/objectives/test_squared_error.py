from __future__ import annotations

import keras
import numpy as np
import pytest

from tfreg.objectives import SquaredError


@pytest.mark.parametrize("shape", [(9,), (9, 1)])
def test_against_numpy(shape):
    random = np.random.default_rng(0)
    truth, guess = random.normal(size=(2, 9))
    weight = random.random(9)
    loss = SquaredError()
    y_true, y_pred = truth.reshape(shape), guess[:, None]
    expected = ((truth - guess) ** 2).mean()
    assert float(loss(y_true, y_pred)) == pytest.approx(expected, rel=1e-6)
    expected = (weight * (truth - guess) ** 2).mean()
    for weights in (weight, weight[:, None]):
        found = float(loss(y_true, y_pred, weights))
        assert found == pytest.approx(expected, rel=1e-6)


def test_half_precision_predictions_do_not_overflow():
    found = SquaredError()([0.0, 0.0], keras.ops.full((2, 1), 300.0, dtype="float16"))
    assert float(found) == 90000.0


def test_another_number_of_rows_is_an_error():
    with pytest.raises(Exception):
        SquaredError()(np.ones(3), np.ones((2, 1)))


def test_round_trip():
    loss = keras.losses.deserialize(keras.losses.serialize(SquaredError(name="mine")))
    assert type(loss) is SquaredError and loss.name == "mine"
