from __future__ import annotations

import keras
import numpy as np
import pytest

from tfreg.functional.crf import CONTEXT, FORBIDDEN, NO_WORD, path_scores
from tfreg.layers import Transitions
from tfreg.regularizers import L2

LABELS = ("O", "B-X", "I-X", "B-Y", "I-Y")


@pytest.fixture
def layer():
    layer = Transitions(LABELS, L2(0.5))
    layer.build((None, None, 5))
    random = np.random.default_rng(0)
    for weight in layer.weights:
        weight.assign(random.normal(size=weight.shape))
    return layer


def test_emissions_go_through(layer):
    emissions = np.random.default_rng(1).normal(size=(2, 3, 5)).astype("float32")
    np.testing.assert_array_equal(layer(emissions), emissions)


def test_what_is_forbidden_is_so_whatever_the_weights(layer):
    between, first, last = map(np.array, layer.chain())
    allowed = {2: (1, 2), 4: (3, 4)}  # I-X, I-Y
    for i in range(5):
        for j in range(5):
            free = j not in allowed or i in allowed[j]
            expected = np.array(layer.between)[i, j] if free else FORBIDDEN
            assert between[i, j] == np.float32(expected)
    expected = np.where(np.isin(range(5), list(allowed)), FORBIDDEN, layer.first)
    np.testing.assert_array_equal(first, expected)
    np.testing.assert_array_equal(last, layer.last)


def test_the_regularizer_acts_on_steps_alone(layer):
    assert len(layer.losses) == 1
    expected = 0.5 * np.square(np.array(layer.between)).sum()
    assert float(layer.losses[0]) == pytest.approx(expected, rel=1e-6)


def test_scores_of_a_batch_by_its_targets(layer):
    emissions = np.random.default_rng(1).normal(size=(2, 4, 5)).astype("float32")
    tags = np.array([[0, 1, 2, NO_WORD], [CONTEXT, 0, 3, CONTEXT]])
    found = np.array(layer.tag_scores(emissions, tags))
    expected = path_scores(emissions[:1, :3], np.ones((1, 3)), layer.chain())
    np.testing.assert_allclose(found[:1, :3], expected, atol=1e-5)
    # A window in the middle of a text: all its words, and no edge.
    free = layer.chain()._replace(
        first=np.zeros(5, "float32"), last=np.zeros(5, "float32")
    )
    expected = path_scores(emissions[1:], np.ones((1, 4)), free)
    np.testing.assert_allclose(found[1:], expected, atol=1e-5)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_in_a_saved_functional_model(policy, tmp_path):
    """In float32 whatever the policy around it is."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        inputs = keras.Input((None, 5), dtype="float32")
        layer = Transitions(LABELS, L2(0.5))
        model = keras.Model(inputs, layer(inputs))
    finally:
        keras.config.set_dtype_policy(before)
    assert model.output.dtype == "float32"
    layer.between.assign(np.arange(25.0).reshape(5, 5))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras").layers[1]
    assert again.labels == LABELS and float(again.regularizer.l2) == 0.5
    np.testing.assert_array_equal(again.between, layer.between)
