"""A classifier that reads one position computes no more of the last block."""

from __future__ import annotations

import numpy as np
import pytest

from tests.backbones import tiny, tokenizer
from tfreg import Examples, _compat
from tfreg.builders import build_classifier, build_regressor, build_tagger
from tfreg.heads import Linear, Projection

TEXTS = ["the good movie", "bad", "the bad movie the bad movie", "good good"]


def lengths(model, run):
    """How many positions each call of the last block gives."""
    found = []
    last = model.backbone.transformer_layers[-1]

    def note(x):
        found.append(x.shape[1])
        return x

    with _compat.rerouted(last, after=note):
        run()
    return set(found)


def built(build=build_classifier, kind="bert", **settings):
    labels = () if build is build_regressor else (("a", "b"),)
    fixed = {"tokenizer": tokenizer(), "sequence_length": 32}
    return build(tiny(kind), *labels, **fixed, **settings)


@pytest.mark.parametrize(
    "settings, first",
    [
        ({}, True),
        ({"build": build_regressor}, True),
        ({"kind": "roberta"}, False),  # no pooler: the mean over all pieces
        ({"kind": "roberta", "head": Linear("cls")}, True),
        ({"head": Linear("mean")}, False),
        ({"head": Linear("max")}, False),
        ({"head": Linear("attention")}, False),
        ({"head": Projection(4)}, True),
        ({"head": Projection(4, layer_mix=True)}, False),
        ({"head": Projection(4, pooling="mean")}, False),
        ({"freeze": 1}, True),
        ({"build": build_tagger}, False),
    ],
)
def test_who_reads_one_position(settings, first):
    model = built(**settings)
    ids = {name: np.ones((2, 5), "int32") for name in model.input}
    for training in (False, True):
        found = lengths(model, lambda training=training: model(ids, training=training))
        assert found == ({1} if first else {5})


@pytest.mark.parametrize("settings", [{}, {"head": Projection(4)}])
def test_same_logits_as_of_all_positions(settings, monkeypatch):
    model = built(**settings)
    found = model.predict(TEXTS, verbose=0)
    monkeypatch.setattr(type(model), "reads_first", False)
    model.predict_function = None
    np.testing.assert_allclose(
        found, model.predict(TEXTS, verbose=0), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("freeze", [1, 2, "backbone"])
def test_with_kept_features(freeze, tmp_path):
    model = built(freeze=freeze)
    encoded = model.encode(Examples("text", TEXTS))
    model.compile()
    plain = model.predict(encoded, verbose=0)
    found = []

    def predict():
        found.append(model.predict(encoded, feature_cache=tmp_path, verbose=0))

    assert (lengths(model, predict) == {1}) == (freeze != 2)
    np.testing.assert_allclose(found[0], plain, rtol=1e-4, atol=1e-6)
