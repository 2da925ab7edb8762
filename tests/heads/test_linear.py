"""The plain head may read a text by another pooling than the pretrained one."""

from __future__ import annotations

import numpy as np
import pytest

from tests.backbones import tiny, tokenizer
from tfreg._checks import InputError
from tfreg.builders import build_classifier, build_tagger
from tfreg.heads import Linear


def features(pooling, ids):
    model = build_classifier(
        tiny(), ("a", "b"), head=Linear(pooling), sequence_length=32, dropout=0.0
    )
    kernel = np.eye(32)[:, :2]
    model.logits.kernel.assign(kernel)
    x = {name: ids[0][name] for name in model.input}
    states = np.asarray(model.backbone(x)["sequence_output"])
    return model(x).numpy(), states @ kernel, np.asarray(x["padding_mask"], bool)


def test_poolings_against_numpy(ids):
    for pooling in ("cls", "mean", "max"):
        found, states, real = features(pooling, ids)
        for row, (vectors, mask) in enumerate(zip(states, real)):
            expected = {
                "cls": vectors[0],
                "mean": vectors[mask].mean(0),
                "max": vectors[mask].max(0),
            }[pooling]
            np.testing.assert_allclose(found[row], expected, atol=1e-5)


def test_a_tagger_takes_none():
    with pytest.raises(InputError, match="`pooling='mean'` has nothing to act on"):
        build_tagger(
            tiny(),
            ("O", "X"),
            tokenizer=tokenizer(),
            head=Linear("mean"),
            sequence_length=32,
        )


def test_refused_and_read_back():
    with pytest.raises(InputError, match="`pooling` must be one of None, 'cls'"):
        Linear("last")
    assert Linear.from_config(Linear("max").get_config()).pooling == "max"
