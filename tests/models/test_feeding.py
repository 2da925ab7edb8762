"""Ids that a model without a tokenizer cannot take."""

from __future__ import annotations

import numpy as np
import pytest

from tests.backbones import tiny
from tests.models.conftest import NAMES, TEXTS
from tfreg._checks import InputError
from tfreg.builders import build_classifier


@pytest.fixture(scope="module")
def model():
    fields = {"sequence_length": 32, "batch_size": 2, "epochs": 1}
    return build_classifier(tiny(), ("neg", "pos"), **fields)


def ids(model, **rows):
    """Ones, of four rows or of as many as are said."""
    return {name: np.ones((rows.get(name, 4), 5)) for name in model.backbone.input}


@pytest.mark.parametrize("method", ["fit", "evaluate"])
def test_ids_of_too_few_rows(model, method):
    x = ids(model, padding_mask=3)
    with pytest.raises(InputError, match="all must have as many rows; got ") as caught:
        getattr(model, method)(x, [0, 1, 0, 1])
    found = set(str(caught.value).partition("got ")[2].split(", "))
    rows = {"`x['token_ids']` 4", "`x['segment_ids']` 4", "`x['padding_mask']` 3"}
    assert found == {*rows, "`y` 4"}


@pytest.mark.parametrize("names", [False, True])
def test_too_few_targets(model, names):
    y = ["neg", "pos", "neg"] if names else [0, 1, 0]
    with pytest.raises(InputError, match="as many rows; got .*`y` 3$"):
        model.fit(ids(model), y)


def test_too_many_weights(model):
    with pytest.raises(InputError, match="as many rows; got .*`sample_weight` 5$"):
        model.fit(ids(model), [0, 1, 0, 1], sample_weight=np.ones(5))
    beside = (ids(model), [0, 1, 0, 1], np.ones(5))
    with pytest.raises(InputError, match="as many rows; got .*`sample_weight` 5$"):
        model.fit(ids(model), [0, 1, 0, 1], validation_data=beside)


def test_texts(model):
    with pytest.raises(InputError, match="`x` must be a dict of ids, .* got list"):
        model.fit(TEXTS, NAMES)
