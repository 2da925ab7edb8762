from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfreg import _compat


def test_numbers_are_read_anew_in_one_trace():
    numbers = _compat.Numbers()
    traced = tf.function(lambda: tf.reduce_sum(numbers.read()))
    for given, expected in (((3,), 3), ((1, 2, 30), 33), ((5, 6), 11)):
        numbers.set(given)
        assert int(traced()) == expected
    assert traced.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("compiled", [False, True])
def test_a_held_value_stays_what_it_was(compiled):
    """However a traced step writes to the variable; TensorFlow's may be in place."""
    variable = keras.Variable([1.0, 2.0])
    step = tf.function(lambda: variable.assign(2 * variable), jit_compile=compiled)
    held = []
    for _ in range(3):
        held.append(_compat.held_value(variable))
        step()
    np.testing.assert_array_equal(held, [[1, 2], [2, 4], [4, 8]])
    variable.assign(held[0])
    step()
    np.testing.assert_array_equal(held[0], [1, 2])


def test_what_is_held_is_copied_only_when_it_changes():
    variable = keras.Variable([1.0, 2.0])
    one, other = (np.asarray(_compat.held_value(variable)) for _ in range(2))
    assert np.shares_memory(one, other)
    variable.assign_add([1.0, 1.0])
    assert not np.shares_memory(one, np.asarray(_compat.held_value(variable)))
