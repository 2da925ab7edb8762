from __future__ import annotations

import numpy as np
import pytest

from tests.objectives.stepping import (
    TASKS,
    assert_same,
    batch,
    build,
    rewound,
    step,
)
from tfreg._checks import InputError
from tfreg.objectives import SAM
from tfreg.regularizers import L2


@pytest.mark.parametrize("task", TASKS)
def test_it_is_the_plain_step_from_weights_that_were_moved_by_hand(task):
    rho = 0.05
    fields = {"dropout": 0.3, "backbone_dropout": 0.1}
    sam, plain = build(task, SAM(rho), **fields), build(task, **fields)
    x, y, w = batch(task)
    # Its own passes draw the masks after those of the pass a step begins with.
    rewound(plain, x, passes=1)
    _, slopes = step(plain, x, y, w)
    size = np.sqrt(sum(np.square(g.astype("float64")).sum() for g in slopes))
    start = [np.array(v) for v in plain.trainable_variables]
    for variable, slope in zip(plain.trainable_variables, slopes):
        variable.assign_add((rho * slope / size).astype("float32"))
    rewound(plain, x, passes=1)
    expected = step(plain, x, y, w)
    rewound(sam)
    assert_same(sam, step(sam, x, y, w), expected, atol=1e-4)
    for variable, value in zip(sam.trainable_variables, start):
        np.testing.assert_array_equal(variable, value)  # nothing was moved


def test_penalties_are_added_where_the_weights_are():
    x, y, w = batch()
    fields = {"kernel_regularizer": L2(0.5), "backbone_regularizer": L2(0.3)}
    bare, penalised = build("classify", SAM(0.1)), build("classify", SAM(0.1), **fields)
    one, other = step(bare, x, y, w), step(penalised, x, y, w)
    expected = one[0] + sum(float(loss) for loss in penalised.losses)
    assert other[0] == pytest.approx(expected, rel=1e-6)
    for variable, a, b in zip(penalised.trainable_variables, one[1], other[1]):
        strength = 0.0
        if variable.regularizer is not None:
            strength = 0.5 if variable.path == "logits/kernel" else 0.3
        expected = a + 2 * strength * np.array(variable)
        np.testing.assert_allclose(b, expected, atol=1e-5, err_msg=variable.path)


def test_only_weights_that_train_are_moved():
    x, y, w = batch()
    sam, plain = (build("classify", o, freeze="backbone") for o in (SAM(0.1), None))
    _, slopes = step(plain, x, y, w)
    assert len(slopes) == 2
    size = np.sqrt(sum(np.square(g).sum() for g in slopes))
    for variable, slope in zip(plain.trainable_variables, slopes):
        variable.assign_add(0.1 * slope / size)
    assert_same(sam, step(sam, x, y, w), step(plain, x, y, w), atol=5e-6)


def test_a_batch_in_parts_has_no_such_gradient():
    with pytest.raises(
        InputError, match="SAM needs the gradient of the whole batch, which `gradient_a"
    ):
        build("classify", SAM(0.1), gradient_accumulation_steps=2)
