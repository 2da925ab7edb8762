from __future__ import annotations

import tensorflow as tf

from tfreg import _compat


def test_numbers_are_read_anew_in_one_trace():
    numbers = _compat.Numbers()
    traced = tf.function(lambda: tf.reduce_sum(numbers.read()))
    for given, expected in (((3,), 3), ((1, 2, 30), 33), ((5, 6), 11)):
        numbers.set(given)
        assert int(traced()) == expected
    assert traced.experimental_get_tracing_count() == 1
