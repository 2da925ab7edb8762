from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfreg._checks import InputError
from tfreg.data.pipelines import count, is_dataset, join, weigh

WIDTHS = (3, 1, 2)
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


def batches(*columns):
    """Three batches of two rows of 1s, of different widths; rows are numbered."""

    def generate():
        for number, width in enumerate(WIDTHS):
            ones = np.ones((2, width), "int32")
            rows = np.array([2 * number, 2 * number + 1])
            found = {"ids": ones, "tags": ones, "weights": ones * 0.5, "rows": rows}
            yield {"ids": ones, "rows": rows}, *(found[name] for name in columns)

    def spec(name):
        if name == "rows":
            return tf.TensorSpec([None], tf.int64)
        kind = tf.float64 if name == "weights" else tf.int32
        return tf.TensorSpec([None, None], kind)

    signature = ({"ids": spec("ids"), "rows": spec("rows")}, *map(spec, columns))
    return tf.data.Dataset.from_generator(generate, output_signature=signature)


def test_joined_batches_are_padded_and_nothing_is_lost():
    first, last = join(batches("tags", "weights"), 2).as_numpy_iterator()
    x, y, weight = first
    padding = np.array([[0, 0, 0]] * 2 + [[0, 1, 1]] * 2)
    np.testing.assert_array_equal(x["ids"], 1 - padding)
    np.testing.assert_array_equal(x["rows"], [0, 1, 2, 3])
    np.testing.assert_array_equal(y, np.where(padding, -1, 1))
    np.testing.assert_array_equal(weight, np.where(padding, 0, 0.5))
    x, y, weight = last
    assert x["ids"].shape == y.shape == weight.shape == (2, 2)
    np.testing.assert_array_equal(x["rows"], [4, 5])
    ((x, y),) = join(batches("rows"), 9).as_numpy_iterator()
    assert y.tolist() == x["rows"].tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("drop_remainder", [False, True])
def test_joined_batches_of_one_width_and_known_number(drop_remainder):
    x, y = np.arange(20).reshape(10, 2), np.eye(10)
    dataset = tf.data.Dataset.from_tensor_slices(({"ids": x}, y))
    joined = join(dataset.batch(3, drop_remainder=drop_remainder), 2)
    assert count(joined) == 2
    rows = 9 if drop_remainder else 10
    found = list(joined.as_numpy_iterator())
    np.testing.assert_array_equal(
        np.concatenate([e[0]["ids"] for e in found]), x[:rows]
    )
    np.testing.assert_array_equal(np.concatenate([e[1] for e in found]), y[:rows])
