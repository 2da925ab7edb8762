from __future__ import annotations

import re

import pytest

from tests.backbones import KINDS, tiny
from tfreg._checks import InputError
from tfreg.adapt.freeze import freeze
from tfreg.adapt.rate_decay import rate_multipliers
from tfreg.selection import matches

BLOCK = re.compile(r"(transformer|disentangled_attention_encoder)_layer_(\d+)/")


def factors(backbone, decay):
    """What each path is multiplied by: by the one pattern that it matches."""
    found = {}
    rules = rate_multipliers(backbone, decay)
    for variable in backbone.trainable_variables:
        matched = [
            rules[pattern] for pattern in rules if matches(variable.path, [pattern])
        ]
        assert len(matched) <= 1
        found[variable.path] = matched[0] if matched else 1.0
    return found


def by_hand(path, layers, decay):
    block = BLOCK.match(path)
    if block:
        return decay ** (layers - int(block[2]))
    return 1.0 if path.startswith("pooled_dense/") else decay ** (layers + 1)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "albert"])
def test_every_weight_has_the_factor_of_its_depth(kind):
    backbone = tiny(kind, num_layers=3)
    found = factors(backbone, 0.5)
    assert found == {path: by_hand(path, 3, 0.5) for path in found}
    assert {0.5, 0.25, 0.125, 0.0625} <= set(found.values())


def test_none_of_a_kind_is_off():
    assert rate_multipliers(tiny(), 1.0) == {}
    assert rate_multipliers(tiny("albert"), 1) == {}


@pytest.mark.parametrize("what, first", [("embeddings", 0), (1, 1), ("backbone", 9)])
def test_frozen_layers_have_none(what, first):
    backbone = tiny(num_layers=3)
    freeze(backbone, what)
    expected = {f"transformer_layer_{i}/*": 0.5 ** (3 - i) for i in range(first, 3)}
    assert rate_multipliers(backbone, 0.5) == expected


def test_shared_blocks_have_no_depth():
    with pytest.raises(InputError) as error:
        rate_multipliers(tiny("albert"), 0.9)
    assert str(error.value) == (
        "`layer_decay`: AlbertBackbone has no blocks of its own at each depth; use 1"
    )
