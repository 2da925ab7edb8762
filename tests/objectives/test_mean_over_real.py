from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from tfreg.objectives import SquaredError
from tfreg.objectives.mean_over_real import MeanOverReal


class Values(MeanOverReal):
    """The predictions themselves, real where the target is at least 0."""

    def real(self, y_true):
        return ops.cast(ops.convert_to_tensor(y_true) >= 0, "float32")

    def call(self, y_true, y_pred):
        return y_pred


def loss(y_true, y_pred, sample_weight=None):
    return float(Values()(np.array(y_true), np.array(y_pred), sample_weight))


def test_the_mean_of_what_is_real():
    assert loss([0, 1, -1, 2], [1.0, 2.0, 100.0, 6.0]) == pytest.approx(3.0)
    assert loss([[0, -1], [3, 4]], [[1.0, 9.0], [2.0, 6.0]]) == pytest.approx(3.0)


def test_nothing_real_is_zero():
    assert loss([-1, -1], [5.0, 7.0]) == 0.0


def test_it_says_over_how_many_it_is_the_mean():
    assert float(Values().count([[0, -1], [3, 4]])) == 3
    assert float(SquaredError().count([[5.0], [-1.0]])) == 2  # numbers are all real


def test_weights_multiply_and_do_not_count():
    weight = np.array([0.5, 2.0, 9.0])
    assert loss([0, 1, -1], [4.0, 3.0, 8.0], weight) == pytest.approx((2 + 6) / 2)
    assert loss([0, 1], [4.0, 3.0], np.zeros(2)) == 0.0


@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_a_weight_a_text_holds_for_all_its_words(shape):
    y_true, y_pred = [[0, 1, -1], [2, -1, -1]], [[1.0, 2.0, 9.0], [4.0, 9.0, 9.0]]
    weight = np.array([2.0, 0.5]).reshape(shape)
    assert loss(y_true, y_pred, weight) == pytest.approx((2 * 1 + 2 * 2 + 0.5 * 4) / 3)


def test_a_weight_a_word():
    weight = np.array([[1.0, 3.0], [0.0, 2.0]])
    found = loss([[0, 1], [2, -1]], [[1.0, 2.0], [5.0, 9.0]], weight)
    assert found == pytest.approx((1 + 6 + 0) / 3)


def test_a_column_of_weights_stays_one_a_row():
    # Broadcast against (3,) it would be a square, and the loss 18.
    weight = np.array([[1.0], [2.0], [3.0]])
    assert loss([0, 0, 0], [1.0, 2.0, 3.0], weight) == pytest.approx(14 / 3)


def test_weights_of_another_shape_are_an_error():
    with pytest.raises(Exception):
        loss([0, 0, 0], [1.0, 2.0, 3.0], np.ones((3, 2)))
    with pytest.raises(Exception):
        loss([0, 0, 0], [1.0, 2.0, 3.0], np.ones(2))
