"""The report says what is there, and its shares are what they are called."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tensorflow as tf

from tests.backbones import tiny
from tfreg.inspect import penalty_report
from tfreg.models import TextClassifier
from tfreg.recipe import Recipe
from tfreg.regularizers import L2, L2SP, ByDepth, GroupLasso


@pytest.fixture(scope="module")
def model():
    recipe = Recipe(
        dropout=0.0,
        kernel_regularizer=L2(0.1),
        backbone_regularizer={"*/query/kernel": L2SP(0.5), "pooled*/kernel": L2(0.2)},
    )
    model = TextClassifier(tiny(), labels=("a", "b"), recipe=recipe)
    model.compile()
    for variable in model.trainable_variables:
        variable.assign_add(0.01 * np.ones(variable.shape))
    return model


def test_rows(model):
    file = io.StringIO()
    rows = penalty_report(model, file=file)
    assert [row.path for row in rows] == [
        "transformer_layer_0/self_attention_layer/query/kernel",
        "transformer_layer_1/self_attention_layer/query/kernel",
        "pooled_dense/kernel",
        "logits/kernel",
    ]
    assert [row.penalty for row in rows] == ["L2SP", "L2SP", "L2", "L2"]
    assert [row.strength for row in rows] == [
        {"alpha": 0.5}, {"alpha": 0.5}, {"l2": 0.2}, {"l2": 0.1},
    ]  # fmt: skip
    assert rows[0].value == pytest.approx(0.5 * 32 * 32 * 1e-4, rel=1e-3)
    kernel = np.array(model.logits.kernel, "float64")
    assert rows[3].value == pytest.approx(0.1 * (kernel**2).sum(), rel=1e-5)
    assert rows[0].loss_share is None
    for row in rows:
        assert row.path in file.getvalue()  # whole, not cut


def test_shares(model):
    random = np.random.default_rng(0)
    x = {
        "token_ids": random.integers(5, 40, (4, 8)),
        "padding_mask": np.ones((4, 8), "int32"),
        "segment_ids": np.zeros((4, 8), "int32"),
    }
    y = np.array([0, 1, 1, 0])
    rows = penalty_report(model, (x, y), file=io.StringIO())
    with tf.GradientTape() as tape:
        losses = tf.keras.losses.sparse_categorical_crossentropy(
            y, model(x), from_logits=True
        )
        loss = tf.reduce_mean(losses)
    kernel = model.logits.kernel
    pull = np.linalg.norm(tape.gradient(loss, kernel.value))
    own = np.linalg.norm(2 * 0.1 * np.array(kernel))
    total = float(loss) + sum(row.value for row in rows)
    assert rows[3].gradient_share == pytest.approx(own / (own + pull), rel=1e-4)
    assert rows[3].loss_share == pytest.approx(rows[3].value / total, rel=1e-5)


def test_sums_and_depths_show_what_acts():
    rule = [ByDepth(L2SP(0.5), factor=3.0), L2(0.25)]
    recipe = Recipe(backbone_regularizer={"*/query/kernel": rule})
    model = TextClassifier(tiny(), labels=("a", "b"), recipe=recipe)
    rows = penalty_report(model, file=io.StringIO())
    assert [row.penalty for row in rows] == ["L2SP + L2"] * 2
    assert [row.strength for row in rows] == [
        {"L2SP.alpha": 1.5, "L2.l2": 0.25}, {"L2SP.alpha": 0.5, "L2.l2": 0.25},
    ]  # fmt: skip
    recipe = Recipe(backbone_regularizer={"*/query/kernel": rule[0]})
    model = TextClassifier(tiny(), labels=("a", "b"), recipe=recipe)
    rows = penalty_report(model, file=io.StringIO())
    assert [row.strength for row in rows] == [{"alpha": 1.5}, {"alpha": 0.5}]


def test_nothing_penalised():
    file = io.StringIO()
    assert penalty_report(TextClassifier(tiny(), labels=("a", "b")), file=file) == []
    assert "no weight is penalised" in file.getvalue()


def test_a_set_and_what_is_zero():
    rules = [L2(0.1), GroupLasso(0.3, "neurons")]
    recipe = Recipe(dropout=0.0, backbone_regularizer=rules)
    model = TextClassifier(tiny(), labels=("a", "b"), recipe=recipe)
    model.compile()
    stem = "transformer_layer_0/feedforward_"
    weights = {v.path: v for v in model.trainable_variables}
    first = weights[stem + "intermediate_dense/kernel"]
    second = weights[stem + "output_dense/kernel"]
    kept = np.arange(64) >= 16
    first.assign(first * kept)  # 16 of 64 columns are empty, and half of their rows
    second.assign(second * (np.arange(64) >= 8)[:, None])
    file = io.StringIO()
    rows = {row.path: row for row in penalty_report(model, file=file)}
    together = rows["4 weights together"]
    assert together.penalty == "GroupLasso" and together.strength == {"strength": 0.3}
    assert together.zeros == pytest.approx(8 / 128)
    assert rows[first.path].zeros == pytest.approx(16 / 64)
    assert rows["transformer_layer_0/self_attention_layer/query/kernel"].zeros == 0.0
    assert "25.0%" in file.getvalue() and "6.2%" in file.getvalue()
    x = {
        "token_ids": np.full((2, 4), 7),
        "padding_mask": np.ones((2, 4), "int32"),
        "segment_ids": np.zeros((2, 4), "int32"),
    }
    shares = penalty_report(model, (x, np.array([0, 1])), file=io.StringIO())
    assert sum(row.loss_share for row in shares) < 1
    assert all(0 <= row.gradient_share <= 1 for row in shares)
