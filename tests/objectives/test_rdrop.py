from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.objectives.stepping import (
    TASKS,
    assert_same,
    assert_slope_by_differences,
    batch,
    build,
    divergence,
    losses,
    mean,
    oracle,
    rewound,
    step,
)
from tfreg._checks import InputError
from tfreg.objectives import FreeLB, RDrop

DROPOUT = {"dropout": 0.3, "backbone_dropout": 0.2, "attention_dropout": 0.2}


@pytest.mark.parametrize("task", TASKS)
def test_the_formula_with_its_gradient(task):
    weight = 1.7
    model = build(task, RDrop(weight), **DROPOUT)
    x, y, w = batch(task)

    def expected():
        first, second = (model(x, training=True) for _ in range(2))
        assert np.abs(first - second).max() > 0.01
        both = mean(task, y, losses(task, y, first) + losses(task, y, second), w)
        apart = mean(task, y, divergence(task, first, second), w)
        return both / 2 + weight / 4 * apart

    rewound(model)
    expected = oracle(model, expected)
    rewound(model)
    assert_same(model, step(model, x, y, w), expected, atol=2e-5)


def test_gradient_by_differences():
    model = build("tag", RDrop(2.0), **DROPOUT)
    assert_slope_by_differences(model, *batch("tag"))


def test_over_a_base_loss_of_its_own_passes_only_the_kls_are_added():
    x, y, w = batch()
    model = build("classify", [FreeLB(), RDrop(2.0)], dropout=0.3)
    base = build("classify", FreeLB(), dropout=0.3)
    assert [type(each) for each in model.objectives] == [FreeLB, RDrop]
    rewound(model)
    first = model(x, training=True)
    base.set_weights(model.get_weights())
    # Terms come after the base loss, and draw the next masks.
    rewound(model, x, passes=2)
    second = model(x, training=True)
    kls = mean("classify", y, divergence("classify", first, second), w)
    found = []
    for each in (model, base):
        rewound(each)
        found.append(step(each, x, y, w)[0])
    assert found[0] - found[1] == pytest.approx(2.0 / 4 * float(kls), rel=1e-3)


def test_without_dropout_it_is_refused():
    for fields in ({}, {"freeze": "backbone"}):
        with pytest.raises(InputError, match="RDrop has nothing to act on"):
            build("classify", RDrop(1.0), **fields)
    build("classify", RDrop(0.0))
    build("classify", RDrop(1.0), freeze="backbone", dropout=0.1)
    build("classify", RDrop(1.0), attention_dropout=0.1)
    build("classify", RDrop(1.0), embedding_noise=0.1)


def test_what_is_padded_and_what_weighs_nothing_does_not_count():
    x, y, w = batch("tag")
    model = build("tag", RDrop(1.0), dropout=0.4)
    rewound(model)
    one = step(model, x, y, w)
    changed = np.where(np.asarray(w)[:, None] == 0, 2 - np.asarray(y), np.asarray(y))
    changed = tf.constant(np.where(np.asarray(y) < 0, -1, changed).astype("int32"))
    assert (np.asarray(changed) != np.asarray(y)).any()
    rewound(model)
    assert_same(model, one, step(model, x, changed, w), atol=1e-6)


def test_round_trip():
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(RDrop(0.5))
    )
    assert again == RDrop(0.5) and type(again) is RDrop
