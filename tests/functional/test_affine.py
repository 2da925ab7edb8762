from __future__ import annotations

import numpy as np
import pytest

from tfreg.functional.affine import affine, biased

ROWS = np.arange(12.0, dtype="float32").reshape(6, 2)
BIASES = [None, np.array([0.5, -1.0], "float32")]


@pytest.mark.parametrize("training", [True, False, None])
@pytest.mark.parametrize("bias", BIASES)
def test_numpy_s_sum(bias, training):
    found = biased(ROWS, bias, (2, 3, 2), training)
    expected = (ROWS if bias is None else ROWS + bias).reshape(2, 3, 2)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("training", [True, False, None])
@pytest.mark.parametrize("bias", BIASES)
def test_numpy_s_product_and_sum(bias, training):
    kernel = np.array([[1.0, 2.0], [3.0, -4.0]], "float32")
    found = affine(ROWS, kernel, bias, (2, 3, 2), training)
    expected = ROWS @ kernel + (0 if bias is None else bias)
    np.testing.assert_array_equal(found, expected.reshape(2, 3, 2))
