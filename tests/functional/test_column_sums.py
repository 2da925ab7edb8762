from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from tfreg.functional.column_sums import column_sums, row_of_ones


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("rows", [0, 1, 7])
def test_of_each_matrix(rows, dtype):
    given = [np.arange(rows * 3.0).reshape(rows, 3), -np.ones((rows, 2))]
    matrices = [ops.convert_to_tensor(each, dtype) for each in given]
    found = column_sums(row_of_ones(matrices[0]), *matrices)
    for sums, each in zip(found, given, strict=True):
        assert sums.dtype == dtype
        np.testing.assert_array_equal(ops.cast(sums, "float32"), each.sum(0))
