from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy import stats

from tfreg._checks import InputError
from tfreg.layers import WordDropout

MASK, SPECIAL = 4, (0, 2, 3)


@pytest.fixture
def ids():
    """200 texts of 40 pieces: [CLS], some pieces, [SEP], padding."""
    random = np.random.default_rng(0)
    rows = random.integers(5, 1000, (200, 40)).astype("int32")
    rows[:, 0] = 2
    for row, size in zip(rows, random.integers(2, 40, 200)):
        row[size], row[size + 1 :] = 3, 0
    return rows


def layer(rate, **arguments):
    return WordDropout(rate, MASK, SPECIAL, **{"seed": 1, **arguments})


def test_at_inference_and_at_rate_zero_ids_pass(ids):
    np.testing.assert_array_equal(layer(0.9)(ids), ids)
    np.testing.assert_array_equal(layer(0.0)(ids, training=True), ids)


@pytest.mark.parametrize("rate", [0.1, 0.6, 0.999])
def test_pieces_become_the_mask_and_special_ones_never_do(ids, rate):
    found = np.asarray(layer(rate)(ids, training=True))
    special = np.isin(ids, SPECIAL)
    np.testing.assert_array_equal(found[special], ids[special])
    hidden = found[~special] != ids[~special]
    assert (found[~special][hidden] == MASK).all()
    test = stats.binomtest(int(hidden.sum()), hidden.size, rate)
    assert test.pvalue > 1e-4


def test_each_pass_hides_others_and_a_seed_the_same(ids):
    one, two = layer(0.5), layer(0.5)
    masks = [np.asarray(one(ids, training=True)) for _ in range(2)]
    assert (masks[0] != masks[1]).any()
    for mask in masks:
        np.testing.assert_array_equal(two(ids, training=True), mask)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_ids_keep_their_type(ids, dtype):
    x = keras.ops.convert_to_tensor(ids.astype(dtype))
    for training in (False, True):
        found = layer(0.5)(x, training=training)
        assert keras.backend.standardize_dtype(found.dtype) == dtype


@pytest.mark.parametrize("jit", [False, True])
def test_saved_and_trained(tmp_path, ids, jit):
    inputs = keras.Input((40,), dtype="int32")
    x = keras.layers.Embedding(1000, 4)(layer(0.3, name="words")(inputs))
    outputs = keras.layers.Dense(1)(keras.layers.GlobalAveragePooling1D()(x))
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "mse", jit_compile=jit)
    model.fit(ids, np.ones((200, 1)), verbose=0, batch_size=100)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    config = model.get_layer("words").get_config()
    assert again.get_layer("words").get_config() == config
    np.testing.assert_array_equal(again.predict(ids), model.predict(ids))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((1.0, 4), r"`rate` must be a number in \[0, 1\)"),
        ((-0.1, 4), "`rate` must be a number"),
        ((0.1, -1), "`replacement` must be an integer of at least 0"),
        ((0.1, 4, (0, 1.5)), "`keep` must be an integer"),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        WordDropout(*arguments)
