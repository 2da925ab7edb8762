from __future__ import annotations

import numpy as np
import pytest

from tfreg.functional.biased import biased

ROWS = np.arange(12.0, dtype="float32").reshape(6, 2)


@pytest.mark.parametrize("training", [True, False, None])
@pytest.mark.parametrize("bias", [None, np.array([0.5, -1.0], "float32")])
def test_numpy_s_sum(bias, training):
    found = biased(ROWS, bias, (2, 3, 2), training)
    expected = (ROWS if bias is None else ROWS + bias).reshape(2, 3, 2)
    np.testing.assert_array_equal(found, expected)
