from __future__ import annotations

import keras
import numpy as np

from tfreg import _compat


def test_the_first_of_equal_ones_is_the_largest():
    x = keras.ops.convert_to_tensor([[1.0, 3.0, 3.0], [-0.0, 0.0, -1.0]])
    np.testing.assert_array_equal(_compat.largest(x), [1, 0])
