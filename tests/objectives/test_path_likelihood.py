from __future__ import annotations

import keras
import numpy as np
import pytest

from tfreg._checks import InputError
from tfreg.functional.crf import word_losses
from tfreg.layers import Transitions
from tfreg.objectives import CrossEntropy, PathLikelihood


def loss(labels=("A", "B", "C"), stir=True):
    loss = PathLikelihood()
    loss.transitions = Transitions(labels)
    loss.transitions.build((None, None, len(labels)))
    random = np.random.default_rng(0)
    for weight in loss.transitions.weights:
        weight.assign(random.normal(size=weight.shape) * stir)
    return loss


TAGS = np.array([[0, 2, 1, -1], [1, -1, -1, -1], [-1, -1, -1, -1], [2, 2, 0, -2]])


@pytest.fixture
def emissions():
    return np.random.default_rng(1).normal(size=(4, 4, 3)).astype("float32")


def test_a_mean_over_words(emissions):
    path = loss()
    values = np.array(word_losses(TAGS, emissions, path.transitions.chain()))
    assert float(path(TAGS, emissions)) == pytest.approx(values.sum() / 7, rel=1e-6)
    assert float(path.count(TAGS)) == 7


def test_weights_of_words_and_of_texts(emissions):
    path = loss()
    values = np.array(word_losses(TAGS, emissions, path.transitions.chain()))
    by_word = np.random.default_rng(2).random((4, 4)).astype("float32")
    found = float(path(TAGS, emissions, by_word))
    assert found == pytest.approx((values * by_word).sum() / 7, rel=1e-5)
    by_text = np.array([1.0, 2.0, 3.0, 0.5])
    found = float(path(TAGS, emissions, by_text))
    assert found == pytest.approx((values * by_text[:, None]).sum() / 7, rel=1e-5)


def test_without_transitions_it_is_the_cross_entropy(emissions):
    expected = float(CrossEntropy()(TAGS, emissions))
    assert float(loss(stir=False)(TAGS, emissions)) == pytest.approx(expected, rel=1e-5)


def test_half_precision_emissions(emissions):
    half = keras.ops.cast(emissions, "float16")
    expected = float(loss()(TAGS, keras.ops.cast(half, "float32")))
    found = loss()(TAGS, half)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    assert float(found) == pytest.approx(expected, rel=1e-6)


def test_an_id_that_no_label_has_is_not_passed_over(emissions):
    tags = TAGS.copy()
    tags[0, 1] = 3
    assert np.isnan(float(loss()(tags, emissions)))


def test_alone_it_has_no_transitions(emissions):
    with pytest.raises(InputError, match="is the loss of a tagger with `head='crf'`"):
        PathLikelihood()(TAGS, emissions)


def test_round_trip():
    again = keras.losses.deserialize(keras.losses.serialize(PathLikelihood("mine")))
    assert type(again) is PathLikelihood and again.name == "mine"
