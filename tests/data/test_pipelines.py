from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfreg._checks import InputError
from tfreg.data.pipelines import count, is_dataset, weigh

TABLE = np.array([0.5, 2.0, 3.0], "float32")


def test_is_dataset():
    assert is_dataset(tf.data.Dataset.range(3))
    assert not is_dataset([1, 2]) and not is_dataset(tf.constant([1]))


def test_count():
    dataset = tf.data.Dataset.range(10)
    assert count(dataset.batch(3)) == 4
    odd = dataset.filter(lambda x: x % 2 == 1)
    assert int(odd.cardinality()) == tf.data.UNKNOWN_CARDINALITY
    assert count(odd) == 5
    pairs = tf.data.Dataset.zip((odd, odd, odd))
    assert count(pairs.batch(2)) == 3


def test_no_end_and_no_beginning():
    dataset = tf.data.Dataset.range(3)
    with pytest.raises(InputError) as error:
        count(dataset.repeat())
    expected = "`steps_per_epoch` is needed: the data set has no end"
    assert str(error.value) == expected
    for empty in (dataset.take(0), dataset.filter(lambda x: x > 5)):
        with pytest.raises(InputError, match="^`x` is an empty data set$"):
            count(empty)


def weighed(y, sample_weight=None):
    x = np.zeros((len(y), 1))
    parts = (x, y) if sample_weight is None else (x, y, sample_weight)
    dataset = tf.data.Dataset.from_tensor_slices(parts).batch(len(y))
    ((_, targets, weight),) = weigh(dataset, TABLE).as_numpy_iterator()
    np.testing.assert_array_equal(targets, y)
    assert weight.dtype == "float32"
    return weight.tolist()


def test_each_text_weighs_what_its_class_does():
    assert weighed(np.array([2, 0, 1])) == [3, 0.5, 2]
    assert weighed(np.array([2, 0, 1]), np.array([1.0, 4.0, 0.5])) == [3, 2, 1]
    assert weighed(np.array([[2], [0]]), np.array([1.0, 4.0])) == [[3], [2]]


def test_each_word_and_never_padding():
    # As many texts as words: Keras's own class weights go wrong there.
    y = np.array([[2, -1], [0, 1]])
    assert weighed(y) == [[3, 0], [0.5, 2]]
    assert weighed(y, np.array([2.0, 4.0])) == [[6, 0], [2, 8]]
    assert weighed(y, np.array([[2.0, 1.0], [1.0, 4.0]])) == [[6, 0], [0.5, 8]]
